"""Events, which are served by two groups and stored as the core group's."""

from __future__ import annotations

from apimachinery.kinds.kind import Kind
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import EVENT_LABELS, NEW_EVENT_LABELS, event, new_event

EVENT = Kind(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    schema="io.k8s.api.core.v1.Event",
    generation=False,
    field_labels=EVENT_LABELS,
    selectable_fields=event,
    create_on_update=True,
    set_defaults=lazy("defaults.core:event"),
    printer=lazy_printer("events:EVENT"),
    validate_create=lazy("validation.events:create"),
    validate_update=lazy("validation.events:update"),
)

NEW_EVENT = Kind(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    schema="io.k8s.api.events.v1.Event",
    generation=False,
    field_labels=NEW_EVENT_LABELS,
    selectable_fields=new_event,
    create_on_update=True,
    storage=("", "events"),
    to_stored=lazy("conversion.events:to_stored"),
    from_stored=lazy("conversion.events:from_stored"),
    set_defaults=lazy("defaults.core:new_event"),
    printer=lazy_printer("events:EVENT"),
    validate_create=lazy("validation.events:new_create"),
    validate_update=lazy("validation.events:new_update"),
)

ALL = (EVENT, NEW_EVENT)

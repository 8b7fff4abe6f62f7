"""Who set which field: managedFields on updates of every sort."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.documents import schema_of

if TYPE_CHECKING:
    from apiserver.registry.api import WriteOptions

Track = Callable[[Document | None, Document], None]


def tracker(kind: Kind, options: WriteOptions, now: Callable[[], datetime], subresource: str = "") -> Track:
    """``track(old, new)`` notes in ``new`` what the manager of the request changed; ``old`` is None on create."""

    def track(old: Document | None, new: Document) -> None:
        schema = schema_of(kind)
        if schema is None:
            return
        from apimachinery.managedfields import track_update

        managers = track_update(
            old,
            new,
            manager=options.field_manager,
            api_version=kind.api_version,
            now=now(),
            schema=schema,
            subresource=subresource,
        )
        if managers:
            new["metadata"]["managedFields"] = managers
        else:
            new["metadata"].pop("managedFields", None)

    return track

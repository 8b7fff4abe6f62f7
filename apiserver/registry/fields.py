"""Who set which field: managedFields on updates of every sort."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from apimachinery import timestamps
from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.documents import schema_of

if TYPE_CHECKING:
    from apiserver.registry.api import WriteOptions

Track = Callable[[Document | None, Document], None]


def tracker(kind: Kind, options: WriteOptions, now: Callable[[], datetime], subresource: str = "") -> Track:
    """``track(old, new)`` notes in ``new`` what the manager of the request changed; ``old`` is None on create."""

    def track(old: Document | None, new: Document) -> None:
        from apimachinery import managedfields

        managedfields.track_update(
            old,
            new,
            manager=options.field_manager,
            api_version=kind.api_version,
            now=timestamps.rfc3339(now()),
            schema=schema_of(kind),
            subresource=subresource,
        )

    return track

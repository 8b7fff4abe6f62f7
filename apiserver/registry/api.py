"""What the HTTP layer asks of the registry, as plain types."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from apimachinery.kinds.kind import Document, Kind
from apiserver.context import UserInfo


class Entry(Protocol):
    """One object at one revision. Shared by all readers: never change ``object``."""

    key: str
    revision: int

    @property
    def data(self) -> bytes:
        """The object as compact JSON, apiVersion, kind and metadata.resourceVersion included."""
        ...

    @property
    def object(self) -> Document:
        """The same, parsed (lazily, once)."""
        ...


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Parsed query of a list, watch or deletecollection; selectors as the client wrote them."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: float | None = None
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None


def _granted() -> None:
    """Of the server's own writes."""


@dataclass(slots=True)
class WriteOptions:
    """Options of a write. ``warnings`` is filled by the registry (unknown fields, deprecations, admission)."""

    user: UserInfo
    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False
    """Server-side apply: take fields from other managers."""
    duplicates: list[str] = field(default_factory=list)
    """Fields that the body gives twice, as apimachinery.schemas.decode finds them."""
    warnings: list[str] = field(default_factory=list)
    may_create: Callable[[], None] = _granted
    """Asked where an update or a patch makes a new object, which takes the right to create. Raises Forbidden."""
    judged: bool = False
    """See apiserver.context.Operation."""


@dataclass(frozen=True, slots=True)
class ListResult:
    entries: list[Entry]
    resource_version: str
    continue_: str = ""
    remaining_item_count: int | None = None


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """``type``: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR. A BOOKMARK or ERROR has ``object`` only, others ``entry``.

    A DELETED event's entry bears the revision of the deletion.
    """

    type: str
    entry: Entry | None = None
    object: Document | None = None


class Watcher(Protocol):
    """An async iterator of batches (what is ready now, in order). Ends after its time-out, or after an ERROR."""

    def __aiter__(self) -> AsyncIterator[list[WatchEvent]]: ...

    def close(self) -> None: ...


class Registry(Protocol):
    """Raises StatusError. ``body`` documents belong to the registry once passed in."""

    def get(self, kind: Kind, namespace: str, name: str) -> Entry:
        """The current object, from memory. Raises NotFound."""
        ...

    async def prepare(self, kind: Kind, namespace: str, name: str) -> None:
        """To be awaited right before ``get`` of a custom resource: a webhook may have to convert it."""
        ...

    async def list(self, kind: Kind, namespace: str, options: ListOptions) -> ListResult: ...

    def watch(self, kind: Kind, namespace: str, options: ListOptions) -> Watcher:
        """``namespace`` "" watches all. Raises Expired for a compacted resource_version."""
        ...

    async def create(self, kind: Kind, namespace: str, body: Document, options: WriteOptions) -> Entry: ...

    async def update(
        self, kind: Kind, namespace: str, name: str, body: Document, options: WriteOptions, *, subresource: str = ""
    ) -> tuple[Entry, bool]:
        """(entry, whether it was created)."""
        ...

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: bytes,
        content_type: str,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> tuple[Entry, bool]:
        """``content_type`` without parameters: JSON, merge, strategic merge or apply (YAML) patch."""
        ...

    async def delete(
        self, kind: Kind, namespace: str, name: str, delete_options: Document, options: WriteOptions
    ) -> tuple[Entry, bool]:
        """(the object as it was or now is, whether it is gone already)."""
        ...

    async def delete_collection(
        self,
        kind: Kind,
        namespace: str,
        list_options: ListOptions,
        delete_options: Document,
        options: WriteOptions,
    ) -> ListResult: ...

    async def admit(
        self,
        verb: str,
        kind: Kind,
        namespace: str,
        name: str,
        body: Document,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Document:
        """``body`` as admission leaves it, of a CREATE or CONNECT that is served elsewhere (evictions, exec)."""
        ...

    async def modify(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Document], Document | Awaitable[Document | None] | None],
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Entry:
        """Read, change a private copy, write, and again on a conflict; None from ``change`` means leave it.

        Goes through admission and validation like an update. For subresources such as binding, scale and eviction.
        """
        ...

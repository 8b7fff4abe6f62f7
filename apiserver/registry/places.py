"""Where a kind's objects are in the store, and in which version they are shown."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from apimachinery.errors import qualified
from apimachinery.kinds.kind import Document, Kind

if TYPE_CHECKING:
    from apiserver.storage.entry import Entry
    from apiserver.storage.store import Store


@lru_cache(maxsize=2048)
def resource_of(kind: Kind) -> str:
    """The GroupResource that objects of the kind are stored under."""
    group, plural = kind.storage
    return qualified(plural, group) if plural else kind.resource


def key_of(kind: Kind, namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if kind.namespaced else name


def prefix_of(kind: Kind, namespace: str) -> str:
    """What the keys of a namespace begin with; empty for all of them."""
    return f"{namespace}/" if kind.namespaced and namespace else ""


def shown(kind: Kind, entry: Entry) -> Entry:
    """The entry in the kind's version; converted once a revision."""
    convert = kind.from_stored
    if convert is None:
        return entry
    versions = entry.versions
    if versions is None:
        versions = entry.versions = {}
    if kind.api_version in versions:
        return versions[kind.api_version] or entry
    if kind.custom is not None:
        return _shown_custom(kind, entry, versions)
    document = convert(entry.copy())
    found = versions[kind.api_version] = entry.derived(orjson.dumps(document), document)
    return found


def _shown_custom(kind: Kind, entry: Entry, versions: dict[str, Entry | None]) -> Entry:
    """Most objects are in the store as they are shown, which needs no second copy."""
    document = entry.copy()
    if unconverted(kind, entry):
        raise RuntimeError(f"{entry} must be converted to {kind.api_version} before it is shown")
    document = kind.from_stored(document)  # type: ignore[misc]
    if document == entry.object:
        versions[kind.api_version] = None
        return entry
    found = versions[kind.api_version] = entry.derived(orjson.dumps(document), document)
    return found


def unconverted(kind: Kind, entry: Entry) -> bool:
    """Whether a webhook has to be asked before the entry can be shown: see conversions."""
    if kind.custom is None or kind.custom.convert is None:
        return False
    if entry.versions is not None and kind.api_version in entry.versions:
        return False
    return bool(entry.object["apiVersion"] != kind.api_version)


def stored(kind: Kind, document: Document) -> Document:
    """The document in the version that is stored."""
    return kind.to_stored(document) if kind.to_stored is not None else document


class StoreReader:
    """The objects in memory by GroupResource, for admission, authorization and hooks. Never change what it gives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        entry = self._store.get(resource, f"{namespace}/{name}" if namespace else name)
        return None if entry is None else entry.object

    def list(self, resource: str, namespace: str = "") -> list[Document]:
        return [entry.object for entry in self._store.list(resource, f"{namespace}/" if namespace else "")]

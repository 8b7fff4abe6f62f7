"""Objects whose versions a webhook converts: it is asked before anybody looks, because looking cannot wait.

Each entry is converted once a version; the result is kept with it. Kinds without such a webhook pay nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import orjson

from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.places import key_of, resource_of, shown, stored, unconverted

if TYPE_CHECKING:
    from apiserver.storage.entry import Entry
    from apiserver.storage.store import Store


async def ready(kind: Kind, entries: Iterable[Entry]) -> None:
    """Afterwards ``shown`` can answer for all of them. One call for all. Raises StatusError."""
    waiting = [entry for entry in entries if unconverted(kind, entry)]
    if not waiting:
        return
    documents = await _convert(kind, [entry.copy() for entry in waiting], kind.api_version)
    for entry, document in zip(waiting, documents, strict=True):
        document = kind.from_stored(document) if kind.from_stored is not None else document
        if entry.versions is None:
            entry.versions = {}
        entry.versions[kind.api_version] = entry.derived(orjson.dumps(document), document)


async def ready_one(store: Store, kind: Kind, namespace: str, name: str) -> None:
    """The same for the current object of a name, whatever becomes of it meanwhile."""
    while True:
        entry = store.get(resource_of(kind), key_of(kind, namespace, name))
        if entry is None or not unconverted(kind, entry):
            return
        await ready(kind, (entry,))


async def shown_soon(kind: Kind, entry: Entry) -> Entry:
    if unconverted(kind, entry):
        await ready(kind, (entry,))
    return shown(kind, entry)


async def to_store(kind: Kind, document: Document) -> Document:
    """The document in the version that is stored. Raises StatusError."""
    custom = kind.custom
    if custom is None or custom.convert is None or kind.version == custom.storage_version:
        return stored(kind, document)
    return (await _convert(kind, [document], f"{kind.group}/{custom.storage_version}"))[0]


async def _convert(kind: Kind, documents: list[Document], api_version: str) -> list[Document]:
    assert kind.custom is not None and kind.custom.convert is not None, "nobody converts this kind"
    return await kind.custom.convert(documents, api_version)

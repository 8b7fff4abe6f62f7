"""The objects as far as this program knows: what the watches told, and what it wrote itself, whichever is newer.

A watch lags behind our own writes. So an older revision never replaces a newer one, and an object whose deletion was
seen is not brought back by an event from before it (its uid is remembered in ``tombstones``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from controllers.controller import EVERYTHING, TOMBSTONES, Index, Key, key_of

Document = dict[str, Any]
OnChange = Callable[[str, Document | None, Document | None], None]
"""``(resource, old, new)``; one of the two may be None."""

MAX_TOMBSTONES = 20_000


class Cache:
    """The engine's Reader. All documents are read-only for everybody."""

    def __init__(self, indices: Iterable[Index] = (), on_change: OnChange | None = None) -> None:
        self._objects: dict[str, dict[str, dict[str, Document]]] = {}
        self._values: dict[str, list[tuple[str, Callable[[Document], Iterable[str]]]]] = {}
        self._indexed: dict[tuple[str, str, str], dict[tuple[str, Key], Document]] = {}
        self._tombstones: OrderedDict[str, Document] = OrderedDict()
        self.on_change = on_change
        # Several controllers may declare the same index.
        for index in {(i.resource, i.name): i for i in (*indices, *BUILT_IN)}.values():
            self._values.setdefault(index.resource, []).append((index.name, index.values))

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        if resource == TOMBSTONES:
            return self._tombstones.get(name)
        return self._objects.get(resource, {}).get(namespace, {}).get(name)

    def list(self, resource: str, namespace: str = "") -> list[Document]:
        spaces = self._objects.get(resource, {})
        if namespace:
            return list(spaces.get(namespace, {}).values())
        return [obj for space in spaces.values() for obj in space.values()]

    def indexed(self, resource: str, index: str, value: str) -> list[Document]:
        return list(self._indexed.get((resource, index, value), {}).values())

    def put(self, resource: str, obj: Document) -> bool:
        """An object as a watch or the answer to a write gave it. False: something newer is known already."""
        meta = obj["metadata"]
        uid = meta.get("uid", "")
        if uid in self._tombstones:
            return False
        old = self.get(resource, meta.get("namespace", ""), meta["name"])
        if old is not None:
            if revision(obj) <= revision(old):
                return False
            if old["metadata"].get("uid", "") != uid:
                self.remove(resource, old)
                old = None
        self._store(resource, obj, old)
        return True

    def assume(self, resource: str, obj: Document) -> None:
        """What we are about to make of an object, at the revision it has: the next event about it replaces this."""
        meta = obj["metadata"]
        old = self.get(resource, meta.get("namespace", ""), meta["name"])
        if old is not None and old["metadata"].get("uid") == meta.get("uid") and revision(old) == revision(obj):
            self._store(resource, obj, old)

    def remove(self, resource: str, obj: Document) -> None:
        """The object of that uid is gone. Another one of that name stays."""
        meta = obj["metadata"]
        uid = meta.get("uid", "")
        if uid:
            self._bury(uid)
        old = self.get(resource, meta.get("namespace", ""), meta["name"])
        if old is None or (uid and old["metadata"].get("uid", "") != uid):
            return
        key = key_of(old)
        del self._objects[resource][key.namespace][key.name]
        if not self._objects[resource][key.namespace]:
            del self._objects[resource][key.namespace]
        self._unindex(resource, key, old)
        if self.on_change is not None:
            self.on_change(resource, old, None)

    def replace(self, resource: str, items: Iterable[Document], version: str) -> None:
        """All there was at revision ``version``: what we know from later stays."""
        listed = set()
        for item in items:
            listed.add((item["metadata"].get("namespace", ""), item["metadata"]["name"]))
            self.put(resource, item)
        line = number(version)
        for known in self.list(resource):
            if key_of(known) not in listed and revision(known) <= line:
                self.remove(resource, known)

    def forget(self, resource: str) -> None:
        """A kind is not served any more: all of its objects are gone."""
        for obj in self.list(resource):
            self.remove(resource, obj)

    def count(self) -> int:
        return sum(len(space) for spaces in self._objects.values() for space in spaces.values())

    def _bury(self, uid: str) -> None:
        self._tombstones[uid] = {"metadata": {"uid": uid}}
        if len(self._tombstones) > MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _store(self, resource: str, obj: Document, old: Document | None) -> None:
        key = key_of(obj)
        self._objects.setdefault(resource, {}).setdefault(key.namespace, {})[key.name] = obj
        if old is not None:
            self._unindex(resource, key, old)
        for entry in self._entries(resource, obj):
            self._indexed.setdefault(entry, {})[resource, key] = obj
        if self.on_change is not None:
            self.on_change(resource, old, obj)

    def _unindex(self, resource: str, key: Key, old: Document) -> None:
        for entry in self._entries(resource, old):
            found = self._indexed.get(entry)
            if found is not None:
                found.pop((resource, key), None)
                if not found:
                    del self._indexed[entry]

    def _entries(self, resource: str, obj: Document) -> Iterable[tuple[str, str, str]]:
        for name, values in self._values.get(resource, ()):
            for value in values(obj):
                yield resource, name, value
        for name, values in self._values[EVERYTHING]:
            for value in values(obj):
                yield EVERYTHING, name, value
                yield resource, name, value


def revision(obj: Document) -> int:
    return number(obj["metadata"].get("resourceVersion", ""))


def number(version: str) -> int:
    """resourceVersions are comparable as whole numbers (upstream's contract since v1.35)."""
    return int(version) if version.isdigit() else 0


def _uid(obj: Document) -> Iterable[str]:
    uid = obj["metadata"].get("uid")
    return (uid,) if uid else ()


def _owner(obj: Document) -> Iterable[str]:
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return (reference["uid"],)
    return ()


def _dependents(obj: Document) -> Iterable[str]:
    return {reference["uid"] for reference in obj["metadata"].get("ownerReferences") or ()}


BUILT_IN = (
    Index(EVERYTHING, "uid", _uid),
    Index(EVERYTHING, "owner", _owner),
    Index(EVERYTHING, "dependents", _dependents),
)

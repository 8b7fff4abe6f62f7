"""What is configured right now: compiled once a change, and looked up by sort of operation.

An observer of the store, so that a configuration counts from its commit on. While nothing is configured, ``active`` is
False, and that is all a write ever looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic.matching import EXEMPT, Criteria, Matches

if TYPE_CHECKING:
    from apiserver.admission.dynamic.attributes import Equivalents
    from apiserver.storage.entry import Entry

_MOST_REMEMBERED = 5000


class _HasCriteria(Protocol):
    @property
    def criteria(self) -> Criteria: ...


Each = TypeVar("Each", bound=_HasCriteria)


class Source(Generic[Each]):
    """The configured judges of one sort. ``compile`` makes them of the documents, which are ordered by name."""

    def __init__(self, compile_: Callable[[list[Document]], list[Each]], equivalents: Equivalents) -> None:
        self._compile = compile_
        self._equivalents = equivalents
        self._documents: dict[str, Document] = {}
        self._compiled: list[Each] | None = None
        self._known: dict[tuple[str, Kind, str], list[tuple[Each, Matches]]] = {}
        self._generation = -1

    def __bool__(self) -> bool:
        return bool(self._documents)

    def put(self, document: Document) -> None:
        self._documents[document["metadata"]["name"]] = document
        self.forget()

    def drop(self, name: str) -> None:
        self._documents.pop(name, None)
        self.forget()

    def forget(self) -> None:
        """What was compiled depends on something that changed."""
        self._compiled = None
        self._known.clear()

    def all(self) -> list[Each]:
        if self._compiled is None:
            self._compiled = self._compile([self._documents[name] for name in sorted(self._documents)])
        return self._compiled

    def concerning(self, verb: str, kind: Kind, subresource: str) -> list[tuple[Each, Matches]]:
        """Those that look at some operations of the sort."""
        if not self._documents or kind.resource in EXEMPT or not _is_request(verb, kind, subresource):
            return []
        if self._generation != self._equivalents.generation or len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
            self._generation = self._equivalents.generation
        key = (verb, kind, subresource)
        found = self._known.get(key)
        if found is None:
            others = self._equivalents.of(kind)
            possible = ((each, each.criteria.possible(verb, kind, subresource, others)) for each in self.all())
            found = self._known[key] = [(each, matches) for each, matches in possible if matches is not None]
        return found


def _is_request(verb: str, kind: Kind, subresource: str) -> bool:
    """Not what a request of another sort makes of the object: binding a pod, which is a CREATE, changes the pod."""
    if verb != "UPDATE" or not subresource:
        return True
    part = next((s for s in kind.subresources if s.name == subresource), None)
    return part is None or "update" in part.verbs


class Feeds(Protocol):
    """What takes the objects of a resource. True: it has something to say about operations."""

    def __bool__(self) -> bool: ...

    def put(self, document: Document) -> None: ...

    def drop(self, name: str) -> None: ...


class Sources:
    """Feeds each with the objects of its resource, by plural."""

    def __init__(self, by_resource: dict[str, Feeds]) -> None:
        self._by_resource = {f"{plural}.admissionregistration.k8s.io": s for plural, s in by_resource.items()}
        self.active = False

    def observe(self, event: str, resource: str, entry: Entry, previous: object) -> None:
        source = self._by_resource.get(resource)
        if source is None:
            return
        if event == "DELETED":
            source.drop(entry.key)
        else:
            source.put(entry.object)
        self.active = any(self._by_resource.values())

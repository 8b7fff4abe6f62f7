"""What webhooks and policies see of an operation: its resource and kind, in each version that is equivalent.

Source: k8s.io/apiserver/pkg/admission (Attributes, VersionedAttributes) and runtime.EquivalentResourceMapper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.documents import private
from apiserver.registry.places import resource_of as stored_resource

if TYPE_CHECKING:
    from apiserver.context import Operation
    from apiserver.kindtable import KindTable


class Resource(NamedTuple):
    """A metav1.GroupVersionResource; ``_asdict`` is its document."""

    group: str
    version: str
    resource: str


class ObjectKind(NamedTuple):
    """A metav1.GroupVersionKind; ``_asdict`` is its document."""

    group: str
    version: str
    kind: str


def resource_of(kind: Kind) -> Resource:
    return Resource(kind.group, kind.version, kind.plural)


def object_kind(kind: Kind, subresource: str) -> ObjectKind:
    """What the objects of a request are: of a subresource maybe something else than of the resource."""
    part = next((s for s in kind.subresources if s.name == subresource), None) if subresource else None
    if part is None or not part.kind:
        return ObjectKind(kind.group, kind.version, kind.kind)
    if part.version:
        return ObjectKind(part.group, part.version, part.kind)
    return ObjectKind(kind.group, kind.version, part.kind)


def is_whole(kind: Kind, subresource: str) -> bool:
    """Whether the objects of a request are objects of the kind, which have defaults and other versions."""
    return object_kind(kind, subresource) == ObjectKind(kind.group, kind.version, kind.kind)


def namespace_of(op: Operation) -> str:
    """Of a namespace itself, its own name (as upstream has it)."""
    if op.namespace or op.kind.resource != "namespaces":
        return op.namespace
    return op.name or ((op.object or op.old_object or {}).get("metadata") or {}).get("name", "")


class Equivalents:
    """The served kinds that hold the same objects as another in other versions or groups."""

    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds
        self._generation = -1
        self._groups: dict[str, tuple[Kind, ...]] = {}

    @property
    def generation(self) -> int:
        """Changes with what is served."""
        return self._kinds.generation

    def of(self, kind: Kind) -> tuple[Kind, ...]:
        """Those besides ``kind`` itself."""
        if self._generation != self._kinds.generation:
            groups: dict[str, list[Kind]] = {}
            for each in self._kinds.all():
                groups.setdefault(stored_resource(each), []).append(each)
            self._groups = {name: tuple(listed) for name, listed in groups.items()}
            self._generation = self._kinds.generation
        own = resource_of(kind)
        return tuple(k for k in self._groups.get(stored_resource(kind), ()) if resource_of(k) != own)


async def convert(document: Document, old: Kind, new: Kind) -> Document:
    """The document of one kind in the version of another that is equivalent. The argument is not changed.

    Raises StatusError where a webhook converts, and fails.
    """
    document = private(document)
    if old.custom is not None and old.custom.convert is not None:
        return (await old.custom.convert([document], new.api_version))[0]
    stored = old.to_stored(document) if old.to_stored is not None else document
    return new.from_stored(stored) if new.from_stored is not None else stored


def _is_scale(op: Operation) -> bool:
    """The registry writes the whole object; webhooks and policies see the Scale that a client does."""
    return op.subresource == "scale" and op.kind.scale_paths is not None


class Versions:
    """The objects of one operation in the versions that are asked for, each converted once."""

    __slots__ = ("_found", "op")

    def __init__(self, op: Operation) -> None:
        self.op = op
        self._found: dict[Kind, tuple[Document | None, Document | None]] = {}

    async def of(self, kind: Kind) -> tuple[Document | None, Document | None]:
        """(object, old object)."""
        op = self.op
        if _is_scale(op):
            from apiserver.virtual.scaling import scale_of

            old = None if op.old_object is None else scale_of(op.kind, op.old_object)
            return scale_of(op.kind, op.object), old
        if kind is op.kind or not is_whole(op.kind, op.subresource):
            return op.object, op.old_object
        found = self._found.get(kind)
        if found is None:
            new = None if op.object is None else await convert(op.object, op.kind, kind)
            old = None if op.old_object is None else await convert(op.old_object, op.kind, kind)
            found = self._found[kind] = (new, old)
        return found

    async def put_back(self, kind: Kind, changed: Document) -> None:
        """``changed`` is the new object in the version of ``kind``."""
        op = self.op
        self._found.clear()
        if _is_scale(op):
            from apiserver.virtual.scaling import set_replicas

            set_replicas(op.kind, op.object, (changed.get("spec") or {}).get("replicas", 0))
            return
        same = kind is op.kind or not is_whole(op.kind, op.subresource)
        op.object = changed if same else await convert(changed, kind, op.kind)

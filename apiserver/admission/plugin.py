"""What an admission plugin is: data that says what it looks at, and functions that look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from apimachinery.errors import Forbidden

if TYPE_CHECKING:
    from apiserver.context import Operation

Document = dict[str, Any]
ANY = "*"
CREATE = frozenset({"CREATE"})
WRITES = frozenset({"CREATE", "UPDATE"})


class Reader(Protocol):
    """The cluster's objects in memory, by resource (``pods``, ``storageclasses.storage.k8s.io``). Never change them."""

    def get(self, resource: str, namespace: str, name: str) -> Document | None: ...

    def list(self, resource: str, namespace: str = "") -> list[Document]: ...


Handler = Callable[["Operation", Reader], "Awaitable[None] | None"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """``admit`` may change ``op.object`` in place; ``validate`` may not. Either raises a StatusError to refuse.

    ``resources`` are GroupResources or ``*``; ``subresources`` holds "" for the object itself, or ``*``.
    """

    name: str
    resources: frozenset[str]
    verbs: frozenset[str]
    subresources: frozenset[str] = frozenset({""})
    admit: Handler | None = None
    validate: Handler | None = None

    def handles(self, verb: str, resource: str, subresource: str) -> bool:
        return (
            verb in self.verbs
            and (resource in self.resources or ANY in self.resources)
            and (subresource in self.subresources or ANY in self.subresources)
        )


def refusal(op: Operation, why: str) -> Forbidden:
    """``pods "a" is forbidden: WHY``, as admission.NewForbidden words it."""
    metadata = (op.object or {}).get("metadata", {})
    # A generated name does not exist yet when admission runs: upstream then shows its prefix.
    name = op.name or metadata.get("name") or metadata.get("generateName") or "Unknown"
    return Forbidden.of(op.kind.plural, name, why, group=op.kind.group)


def containers(spec: Document, *, ephemeral: bool = False) -> Iterable[Document]:
    """A pod spec's init containers, containers and, where asked for, ephemeral containers."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()
    if ephemeral:
        yield from spec.get("ephemeralContainers") or ()

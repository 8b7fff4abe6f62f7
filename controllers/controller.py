"""What a controller is, as data: what it watches, how that maps to keys, and its pure reconcile function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from controllers.actions import Action

Document = dict[str, Any]

EVERYTHING = "*"
"""In a Watch or an Index: all kinds. ``indexed("*", "dependents", uid)`` gives what names ``uid`` as an owner."""
TOMBSTONES = "tombstones"
"""A pseudo-resource: ``get("tombstones", "", uid)`` is not None when the object of that uid is known to be gone."""


class Key(NamedTuple):
    """``namespace`` is empty for cluster-scoped objects."""

    namespace: str
    name: str


class Reader(Protocol):
    """The engine's cache. Resources are GroupResources (``pods``, ``replicasets.apps``). Never change what it gives.

    An object that is gone is not in it; what the engine itself wrote is in it at once.
    """

    def get(self, resource: str, namespace: str, name: str) -> Document | None: ...

    def list(self, resource: str, namespace: str = "") -> list[Document]:
        """All of a namespace, or of the cluster."""
        ...

    def indexed(self, resource: str, index: str, value: str) -> list[Document]:
        """By an index that a controller declares, or by the built-in ``owner`` (uid of the controlling owner) and
        ``uid``."""
        ...


@dataclass(frozen=True, slots=True)
class Index:
    resource: str
    name: str
    values: Callable[[Document], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Watch:
    """``keys(object, reader)`` gives the keys to reconcile when ``object`` was added, changed (old and new are both
    asked) or deleted."""

    resource: str
    keys: Callable[[Document, Reader], Iterable[Key]]


@dataclass(frozen=True, slots=True)
class Controller:
    """``name`` as upstream's (``deployment-controller``): the source of its events. ``every`` seconds all keys of
    the first watch's resource are reconciled again; 0 never. ``workers`` keys are in work at once.

    ``on_failure(key, reader, now, error)`` gives what is still to be done where an action failed (a condition that says
    so); the key is tried again all the same."""

    name: str
    watches: tuple[Watch, ...]
    reconcile: Callable[[Key, Reader, datetime], list[Action]]
    indices: tuple[Index, ...] = ()
    every: float = 0.0
    workers: int = 5
    cooldown: float = 0.0
    """Seconds that a key rests after something was written for it: changes that come in a burst (thirty pods that get
    ready) are then answered by a few writes. The first change of a burst is answered at once."""
    on_failure: Callable[[Key, Reader, datetime, Exception], list[Action]] | None = None


def key_of(obj: Document) -> Key:
    meta = obj["metadata"]
    return Key(meta.get("namespace", ""), meta["name"])


def own_key(obj: Document, reader: Reader) -> Iterable[Key]:
    """The object's own key: for a controller's primary resource."""
    return (key_of(obj),)

"""What reconcilers decide and the engine does. Plain data: a reconciler returns a list of these, in order.

The engine applies them one after the other and stops at the first that fails (the key is then retried with back-off).
Every answer of the API server goes into the cache at once, so that the next reconcile sees its own writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    """``resource`` is a GroupResource (``replicasets.apps``). AlreadyExists is an error unless ``ignore_exists``.

    ``{name}`` in the message of ``done`` stands for the name that the object got, ``{error}`` in that of ``refused``
    for what the API server said. Consecutive Creates of one resource are sent in slow-start batches: 1, 2, 4, ... at
    once, none after a batch in which one failed.
    """

    resource: str
    object: Document
    ignore_exists: bool = False
    done: Event | None = None
    refused: Event | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """PUT of the whole object, which names the resourceVersion that it is based on."""

    resource: str
    object: Document
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """``kind`` is merge, strategic or json; ``body`` a dict, or a list for json."""

    resource: str
    namespace: str
    name: str
    body: Any
    kind: str = "merge"
    subresource: str = ""
    ignore_missing: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """NotFound is success. ``uid`` and ``resource_version`` are preconditions when not empty. ``done`` and ``refused``
    as for Create. Consecutive Deletes are sent at once."""

    resource: str
    namespace: str
    name: str
    uid: str = ""
    resource_version: str = ""
    propagation: str = ""
    grace_seconds: int | None = None
    done: Event | None = None
    refused: Event | None = None


@dataclass(frozen=True, slots=True)
class Evict:
    """policy/v1 Eviction of a pod (respects disruption budgets)."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Bind:
    """The pods/binding subresource."""

    namespace: str
    name: str
    uid: str
    node: str


@dataclass(frozen=True, slots=True)
class Event:
    """A core/v1 Event about ``regarding``, recorded by ``component``; repeated ones are counted, as upstream does."""

    regarding: Document
    type: str
    reason: str
    message: str
    component: str = ""
    """Empty: the controller's own name."""
    action: str = ""
    """What was done, for an event in the form of events.k8s.io."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """Look again after that many seconds, whatever happens until then."""

    after: float


@dataclass(frozen=True, slots=True)
class Effect:
    """Something outside of the API that one gateway knows how to do (make or remove a volume's directory)."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


Action = Create | Update | Patch | Delete | Evict | Bind | Event | Requeue | Effect

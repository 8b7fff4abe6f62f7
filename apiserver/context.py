"""What is known of a request while it is served: who asks, for what, and the object on its way to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apimachinery.kinds.kind import Document, Kind

if TYPE_CHECKING:
    from apiserver.admission.dynamic.reinvocation import Reinvocation


@dataclass(frozen=True, slots=True)
class UserInfo:
    """authentication.k8s.io/v1 UserInfo."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request as authorization sees it (k8s.io/apiserver/pkg/endpoints/request.RequestInfo).

    ``verb`` is the API's (get, list, watch, create, update, patch, delete, deletecollection, connect's are by method),
    the lower-case HTTP method where ``is_resource`` is false.
    """

    verb: str
    api_group: str = ""
    api_version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    path: str = ""
    is_resource: bool = False
    field_selector: str = ""
    label_selector: str = ""


@dataclass(slots=True)
class Operation:
    """One write as admission sees it. ``verb`` is CREATE, UPDATE, DELETE or CONNECT."""

    verb: str
    kind: Kind
    namespace: str
    name: str
    subresource: str
    object: Any
    """The new object, mutable for admitting plugins; None for DELETE."""
    old_object: Document | None
    user: UserInfo
    options: Document = field(default_factory=dict)
    """The CreateOptions, UpdateOptions, PatchOptions or DeleteOptions."""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    """What the client is told in Warning headers."""
    judged: bool = False
    """Part of a request that webhooks and policies have judged as a whole (an eviction)."""
    reinvocation: Reinvocation | None = None
    """Set by mutating webhooks and policies: whether the mutating chain has to run once more."""

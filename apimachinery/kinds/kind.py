"""What a kind is, as data. Routes, discovery, OpenAPI, Tables, URLs and storage keys derive from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apimachinery.fielderrors import FieldError

Document = dict[str, Any]
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a server-side Table (metav1.TableColumnDefinition). ``priority`` 1 shows under -o wide only.

    ``described_by`` names the schema field whose description is the column's, as ``core.v1.PodStatus.podIP``.
    """

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
    described_by: str = ""


@dataclass(frozen=True, slots=True)
class Printer:
    """How a kind prints.

    ``cells(obj)`` returns one cell per column. It depends on the object alone, so it may be kept for as long as the
    object's revision lives: what depends on the time is a cell with an ``at(now)`` method (printers.cells.Since).
    ``conditions(obj)`` gives the row's conditions (a completed pod). ``row`` renders all of it for one moment.
    """

    columns: tuple[Column, ...]
    cells: Callable[[Document], list[Any]]
    conditions: Callable[[Document], list[dict[str, str]]] | None = None

    def row(self, obj: Document, now: datetime) -> list[Any]:
        """The finished cells at ``now``."""
        moment = now.timestamp()
        return [cell.at(moment) if hasattr(cell, "at") else cell for cell in self.cells(obj)]


@dataclass(frozen=True, slots=True)
class Subresource:
    """``pods/log`` and the like. ``group``, ``version`` and ``kind`` name what its body is when not the parent's.

    Where an update of it is an update of part of the parent (pods/resize, certificatesigningrequests/approval),
    ``prepare_update(new, old, now)`` brings back what it may not change, and ``validate_update(new, old)`` stands in
    for the kind's. ``now`` is an RFC 3339 time.
    """

    name: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    kind: str = ""
    group: str = ""
    version: str = ""
    prepare_update: Callable[[Document, Document, str], None] | None = None
    validate_update: Callable[[Document, Document], list[FieldError]] | None = None


STATUS = Subresource("status")
SCALE = Subresource("scale", kind="Scale", group="autoscaling", version="v1")


def _no_errors(obj: Document) -> list[FieldError]:
    return []


def _no_update_errors(new: Document, old: Document) -> list[FieldError]:
    return []


def _nothing(obj: Document) -> None:
    return None


def _no_fields(obj: Document) -> Mapping[str, str]:
    return {}


def _nothing_to_mend(new: Document, old: Document) -> None:
    return None


def _nothing_to_mend_yet(new: Document, old: Document, now: str) -> None:
    return None


Convert = Callable[[list[Document], str], Awaitable[list[Document]]]
"""``convert(documents, api_version)``: the documents in that version, in order, by somebody else (a webhook)."""


@dataclass(frozen=True, slots=True, eq=False)
class Custom:
    """What is different about a version of a CustomResourceDefinition: its documents have no compiled schema.

    ``prune(obj)`` drops unknown fields in place and returns their paths. Where ``convert`` is set, objects are
    converted ahead, and ``from_stored`` and ``to_stored`` are for what is in the right version already.
    """

    prune: Callable[[Document], list[str]]
    storage_version: str
    terminating: bool = False
    """Its definition is being deleted: nothing may be created."""
    convert: Convert | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A resource type. Only data and pure functions; everything that serves it is generic.

    ``set_defaults`` changes the object in place and is idempotent. ``validate_create(obj)`` and
    ``validate_update(new, old)`` return every problem. ``validate_status_update`` does the same for the status
    subresource. ``selectable_fields(obj)`` gives the values of the field selectors that the kind knows beyond
    metadata.name and metadata.namespace; its keys are ``field_labels``.
    ``prepare_update(new, old)`` mends in place what a client may not change (upstream's strategy PrepareForUpdate),
    ``prepare_create(obj)`` likewise (name, uid and creationTimestamp are known then), ``prepare_status_update(new, old,
    now)`` for the status subresource (``now`` is an RFC 3339 time). Generic code already drops status on create where
    there is a status subresource, keeps status on a spec update and spec on a status update, and bumps
    metadata.generation when ``generation`` and anything outside of metadata and status changed.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    schema: str = ""
    """Definition name, for example ``io.k8s.api.apps.v1.Deployment``."""
    generation: bool = True
    generation_metadata: tuple[str, ...] = ()
    """Fields of metadata whose change bumps the generation too (annotations of a Deployment)."""
    field_labels: tuple[str, ...] = ()
    selectable_fields: Callable[[Document], Mapping[str, str]] = _no_fields
    set_defaults: Callable[[Document], None] = _nothing
    prepare_create: Callable[[Document], None] = _nothing
    prepare_update: Callable[[Document, Document], None] = _nothing_to_mend
    prepare_status_update: Callable[[Document, Document, str], None] = _nothing_to_mend_yet
    validate_create: Callable[[Document], list[FieldError]] = _no_errors
    validate_update: Callable[[Document, Document], list[FieldError]] = _no_update_errors
    validate_status_update: Callable[[Document, Document], list[FieldError]] = _no_update_errors
    printer: Printer | None = None
    graceful_delete_seconds: Callable[..., int] | None = None
    """``f(obj, requested=None)``: the grace in seconds that a deletion gets when ``requested`` was asked for or, None,
    nothing was. None where deletion is immediate (only pods have it upstream)."""
    scale_paths: tuple[str, str, str] | None = None
    """(spec replicas, status replicas, label selector) paths of the scale subresource, dotted.

    The selector is a LabelSelector, a plain map (ReplicationController) or, in custom resources, a string.
    """
    served: bool = True
    storage: tuple[str, str] = ("", "")
    """(group, plural) that objects are stored under when it differs (events of both groups share one)."""
    to_stored: Callable[[Document], Document] | None = None
    from_stored: Callable[[Document], Document] | None = None
    """Pure conversions to and from the version that is stored, apiVersion included; None where this is that version."""
    unconditional_update: bool = True
    """Whether an update without a resourceVersion is allowed."""
    create_on_update: bool = False
    """Whether PUT to a name that does not exist creates it."""
    list_kind: str = ""
    """The kind of a list of it; "" is ``kind`` with ``List``."""
    warning: str = ""
    """What every client is told; "" for kinds that are not deprecated."""
    custom: Custom | None = None
    """Of kinds that a CustomResourceDefinition adds."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """``deployments.apps``: the GroupResource, which names the kind in errors and in storage keys."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def has_status(self) -> bool:
        return any(s.name == "status" for s in self.subresources)

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, the object or its subresource."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [base]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        parts.extend(p for p in (name, subresource) if p)
        return "/".join(parts)

"""Distributes endpoints over EndpointSlices with as few writes as possible. Source: endpointslice/reconciler.go.

Used for a Service's own slices and for those that mirror Endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from controllers.actions import Action, Create, Delete, Update
from controllers.endpoints.triggers import stamped

Document = dict[str, Any]

SLICES = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MAX_ENDPOINTS = 100


@dataclass(slots=True)
class Group:
    """Endpoints of one address type that have the same ports."""

    address_type: str
    ports: list[Document]
    endpoints: list[Document] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shape:
    """What every slice looks like beside its endpoints. ``name_prefix`` is a generateName."""

    namespace: str
    name_prefix: str
    labels: dict[str, str]
    owner: Document
    annotations: dict[str, str] | None = None
    """None: annotations are not ours to set."""
    trigger: str | None = None
    """The time that slices which change are annotated with; empty: none. None: that annotation is not ours either."""


def group_key(address_type: str, ports: Iterable[Document]) -> bytes:
    ordered = sorted(ports, key=lambda p: (p.get("name") or "", p.get("port") or 0, p.get("protocol") or ""))
    return orjson.dumps([address_type, ordered], option=orjson.OPT_SORT_KEYS)


def pack(existing: list[Document], wanted: list[Group], families: list[str], shape: Shape) -> list[Action]:
    """The writes that bring the slices to what is wanted. A family without any endpoint keeps one empty slice."""
    actions: list[Action] = []
    usable: dict[bytes, list[Document]] = {}
    for slice_ in existing:
        if slice_["addressType"] not in families or not _is_owned(slice_, shape.owner):
            actions.append(_delete(slice_))
        else:
            usable.setdefault(group_key(slice_["addressType"], slice_.get("ports") or ()), []).append(slice_)
    groups = {group_key(g.address_type, g.ports): g for g in wanted}
    for family in families:
        if not any(g.address_type == family for g in groups.values()):
            groups[group_key(family, ())] = Group(family, [])
    for key, group in groups.items():
        actions += _pack_group(usable.pop(key, []), group, shape)
    for slices in usable.values():
        actions += [_delete(s) for s in slices]
    actions = _reuse(actions, {s["metadata"]["name"]: s for s in existing if _is_owned(s, shape.owner)}, shape)
    # What is removed goes last: an endpoint that moves is never in no slice at all.
    return sorted(actions, key=lambda a: isinstance(a, Delete))


def _reuse(actions: list[Action], existing: dict[str, Document], shape: Shape) -> list[Action]:
    """A slice that would go becomes one that would be made, where their address types agree: one write for two."""
    creations = [a for a in actions if isinstance(a, Create)]
    kept: list[Action] = [a for a in actions if not isinstance(a, Create)]
    for creation in creations:
        made = creation.object
        old = next(
            (
                existing[a.name]
                for a in kept
                if isinstance(a, Delete)
                and a.name in existing
                and existing[a.name]["addressType"] == made["addressType"]
            ),
            None,
        )
        if old is None:
            kept.append(creation)
            continue
        kept = [a for a in kept if not (isinstance(a, Delete) and a.name == old["metadata"]["name"])]
        kept.append(Update(SLICES, {**made, "metadata": _changed(old["metadata"], shape)}))
    return kept


def _pack_group(existing: list[Document], group: Group, shape: Shape) -> list[Action]:
    wanted = {_identity(e): e for e in group.endpoints}
    kept: list[tuple[Document, list[Document]]] = []
    for slice_ in sorted(existing, key=lambda s: s["metadata"]["name"]):
        found = [wanted.pop(i) for e in slice_.get("endpoints") or () if (i := _identity(e)) in wanted]
        kept.append((slice_, found))
    left = list(wanted.values())
    # The fullest first, so that few slices are opened for little.
    for _, endpoints in sorted(kept, key=lambda pair: -len(pair[1])):
        room = MAX_ENDPOINTS - len(endpoints)
        endpoints += left[:room]
        left = left[room:]
    actions: list[Action] = []
    empties_allowed = 0 if group.endpoints else 1
    for slice_, endpoints in kept:
        if endpoints or empties_allowed:
            empties_allowed -= not endpoints
            actions += _update(slice_, endpoints, shape)
        else:
            actions.append(_delete(slice_))
    if not kept and not group.endpoints:
        return [Create(SLICES, _new(group, [], shape))]
    for start in range(0, len(left), MAX_ENDPOINTS):
        actions.append(Create(SLICES, _new(group, left[start : start + MAX_ENDPOINTS], shape)))
    return actions


def _update(slice_: Document, endpoints: list[Document], shape: Shape) -> list[Action]:
    meta = slice_["metadata"]
    wanted_annotations = shape.annotations if shape.annotations is not None else meta.get("annotations") or {}
    same_meta = meta.get("labels") == shape.labels and (meta.get("annotations") or {}) == wanted_annotations
    if same_meta and (slice_.get("endpoints") or []) == endpoints:
        return []
    return [Update(SLICES, {**slice_, "metadata": _changed(meta, shape), "endpoints": endpoints})]


def _changed(meta: Document, shape: Shape) -> Document:
    """The metadata of a slice that is there already."""
    changed = {**meta, "labels": dict(shape.labels)}
    if shape.annotations is not None:
        changed["annotations"] = dict(shape.annotations)
    if shape.trigger is not None:
        changed["annotations"] = stamped(changed.get("annotations"), shape.trigger)
    return changed


def _new(group: Group, endpoints: list[Document], shape: Shape) -> Document:
    meta: Document = {
        "generateName": shape.name_prefix,
        "namespace": shape.namespace,
        "labels": dict(shape.labels),
        "ownerReferences": [shape.owner],
    }
    annotations = stamped(shape.annotations, shape.trigger) if shape.trigger else shape.annotations
    if annotations:
        meta["annotations"] = dict(annotations)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": group.address_type,
        "ports": group.ports,
        "endpoints": endpoints,
    }


def _identity(endpoint: Document) -> tuple[Any, ...]:
    """The same address of the same pod is the same endpoint, whatever its conditions."""
    return (*endpoint["addresses"], (endpoint.get("targetRef") or {}).get("uid", ""), endpoint.get("hostname") or "")


def _is_owned(slice_: Document, owner: Document) -> bool:
    return any(r["uid"] == owner["uid"] for r in slice_["metadata"].get("ownerReferences") or ())


def _delete(slice_: Document) -> Delete:
    meta = slice_["metadata"]
    return Delete(SLICES, meta["namespace"], meta["name"], uid=meta["uid"])

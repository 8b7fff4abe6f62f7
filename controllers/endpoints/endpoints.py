"""Endpoints (core/v1), which older clients read. Source: pkg/controller/endpoint."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Any

import orjson

from controllers.actions import Action, Create, Delete, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key
from controllers.endpoints import targets
from controllers.endpoints.triggers import Triggers, stamped
from controllers.workloads import pods

Document = dict[str, Any]

ENDPOINTS = "endpoints"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
HEADLESS = "service.kubernetes.io/headless"
CAPACITY = "endpoints.kubernetes.io/over-capacity"
MAX_ADDRESSES = 1000
COOLDOWN_SECONDS = 0.03


def _reconcile(key: Key, reader: Reader, triggers: Triggers) -> list[Action]:
    service, current = reader.get(targets.SERVICES, *key), reader.get(ENDPOINTS, *key)
    if service is None:
        triggers.forget(key)
        return _of_no_service(current)
    if pods.is_deleting(service) or not targets.has_endpoints(service):
        return []
    selected = targets.selected(service, reader)
    trigger = triggers.of(key, service, selected)
    subsets = _subsets(service, selected)
    truncated = _truncate(subsets)
    wanted = _document(service, current or {}, subsets, truncated)
    if current is not None and _essence(wanted) == _essence(current):
        return []
    annotations = stamped(wanted["metadata"].get("annotations"), trigger)
    if annotations or "annotations" in wanted["metadata"]:
        wanted["metadata"]["annotations"] = annotations
    return [Create(ENDPOINTS, wanted) if current is None else Update(ENDPOINTS, wanted)]


def _of_no_service(current: Document | None) -> list[Action]:
    """What we made goes with its Service. Hand-made ones may be there before it: upstream looks at them only when a
    Service goes, which a level does not tell."""
    if current is None or (current["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER:
        return []
    meta = current["metadata"]
    return [Delete(ENDPOINTS, meta["namespace"], meta["name"], uid=meta["uid"])]


def _document(service: Document, current: Document, subsets: list[Document], truncated: bool) -> Document:
    meta = current.get("metadata") or {
        "name": service["metadata"]["name"],
        "namespace": service["metadata"]["namespace"],
    }
    labels = {k: v for k, v in (service["metadata"].get("labels") or {}).items() if k != HEADLESS}
    if targets.is_headless(service):
        labels[HEADLESS] = ""
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != CAPACITY}
    if truncated:
        annotations[CAPACITY] = "truncated"
    made = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {**meta, "labels": {**labels, MANAGED_BY: MANAGER}},
    }
    if annotations or meta.get("annotations"):
        made["metadata"]["annotations"] = annotations
    if subsets:
        made["subsets"] = subsets
    return made


def _subsets(service: Document, selected: list[Document]) -> list[Document]:
    """Addresses grouped by the ports that they have: those of one address come together."""
    anyway = bool(service["spec"].get("publishNotReadyAddresses"))
    family = targets.families(service)[0]
    groups: dict[bytes, Document] = {}
    for pod in selected:
        ip = targets.address(pod, family)
        if not ip or not targets.belongs(pod, terminating=anyway):
            continue
        ports = _ports(service, pod)
        if not ports and service["spec"].get("ports"):
            continue
        ready = anyway or pods.is_ready(pod)
        key = orjson.dumps(ports, option=orjson.OPT_SORT_KEYS)
        group = groups.setdefault(key, {"addresses": [], "notReadyAddresses": [], "ports": ports})
        group["addresses" if ready else "notReadyAddresses"].append(_address(service, pod, ip))
    return [_tidy(groups[key]) for key in sorted(groups)]


def _tidy(group: Document) -> Document:
    found: Document = {}
    for name in ("addresses", "notReadyAddresses"):
        if group[name]:
            found[name] = sorted(group[name], key=lambda a: (ip_address(a["ip"]).packed, a["targetRef"]["uid"]))
    if group["ports"]:
        found["ports"] = group["ports"]
    return found


def _ports(service: Document, pod: Document) -> list[Document]:
    found = []
    for port in service["spec"].get("ports") or ():
        number = targets.target_port(pod, port)
        if number is None:
            continue
        made: Document = {"name": port["name"]} if port.get("name") else {}
        made |= {"port": number, "protocol": port.get("protocol", "TCP")}
        if port.get("appProtocol"):
            made["appProtocol"] = port["appProtocol"]
        found.append(made)
    return sorted(found, key=lambda p: (p.get("name", ""), p["port"], p["protocol"]))


def _address(service: Document, pod: Document, ip: str) -> Document:
    made: Document = {"ip": ip}
    if name := targets.hostname(pod, service):
        made["hostname"] = name
    if pod["spec"].get("nodeName"):
        made["nodeName"] = pod["spec"]["nodeName"]
    made["targetRef"] = targets.target_ref(pod)
    return made


def _truncate(subsets: list[Document]) -> bool:
    """In place; ready addresses are kept first. True where something had to go."""
    room, cut = MAX_ADDRESSES, False
    for name in ("addresses", "notReadyAddresses"):
        for subset in subsets:
            found = subset.get(name)
            if not found:
                continue
            if len(found) > room:
                cut = True
                subset[name] = found[:room]
            room -= len(subset[name])
            if not subset[name]:
                del subset[name]
    return cut


def _essence(endpoints: Document) -> tuple[Any, ...]:
    meta = endpoints["metadata"]
    return (endpoints.get("subsets") or [], meta.get("labels") or {}, (meta.get("annotations") or {}).get(CAPACITY))


def controller() -> Controller:
    """Each has a memory of its own of what triggered the last change."""
    triggers = Triggers()

    def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
        return _reconcile(key, reader, triggers)

    return Controller(
        name=MANAGER,
        watches=(
            Watch(targets.SERVICES, own_key),
            Watch("pods", targets.services_of),
            Watch(ENDPOINTS, own_key),
        ),
        reconcile=reconcile,
        cooldown=COOLDOWN_SECONDS,
    )

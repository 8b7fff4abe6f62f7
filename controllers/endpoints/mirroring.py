"""EndpointSlices that mirror Endpoints which people made by hand. Source: pkg/controller/endpointslicemirroring."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Any

from controllers.actions import Action, Delete
from controllers.controller import Controller, Index, Key, Reader, Watch, own_key
from controllers.endpoints import packing, slices, targets
from controllers.endpoints.packing import MANAGED_BY, SERVICE_NAME, SLICES, Group, Shape
from controllers.workloads import pods, refs

Document = dict[str, Any]

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
MAX_PER_SUBSET = 1000
_NOT_MIRRORED = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    endpoints, service = reader.get("endpoints", *key), reader.get(targets.SERVICES, *key)
    existing = [
        s
        for s in slices.slices_of(key, reader)
        if s["metadata"]["labels"].get(MANAGED_BY) == MANAGER and not pods.is_deleting(s)
    ]
    if endpoints is None or service is None or service["spec"].get("selector") or not _is_mirrored(endpoints):
        return [Delete(SLICES, key.namespace, s["metadata"]["name"], uid=s["metadata"]["uid"]) for s in existing]
    groups = _groups(endpoints)
    families = list(dict.fromkeys(g.address_type for g in groups))
    meta = endpoints["metadata"]
    shape = Shape(
        namespace=key.namespace,
        name_prefix=f"{key.name}-",
        labels={**(meta.get("labels") or {}), SERVICE_NAME: key.name, MANAGED_BY: MANAGER},
        owner=refs.controller_ref({**endpoints, "apiVersion": "v1", "kind": "Endpoints"}),
        annotations={k: v for k, v in (meta.get("annotations") or {}).items() if k not in _NOT_MIRRORED},
    )
    return packing.pack(existing, groups, families, shape)


def _is_mirrored(endpoints: Document) -> bool:
    meta = endpoints["metadata"]
    return (meta.get("labels") or {}).get(SKIP) != "true" and LEADER not in (meta.get("annotations") or {})


def _groups(endpoints: Document) -> list[Group]:
    found: dict[bytes, Group] = {}
    for subset in endpoints.get("subsets") or ():
        ports = [_port(p) for p in subset.get("ports") or ()]
        ready = [(a, True) for a in subset.get("addresses") or ()]
        unready = [(a, False) for a in subset.get("notReadyAddresses") or ()]
        for address, is_ready in (ready + unready)[:MAX_PER_SUBSET]:
            family = targets.family_of(address["ip"])
            group = found.setdefault(packing.group_key(family, ports), Group(family, ports))
            group.endpoints.append(_endpoint(address, is_ready))
    return list(found.values())


def _port(port: Document) -> Document:
    made = {"name": port.get("name") or "", "protocol": port.get("protocol", "TCP"), "port": port["port"]}
    return {**made, "appProtocol": port["appProtocol"]} if port.get("appProtocol") else made


def _endpoint(address: Document, ready: bool) -> Document:
    made: Document = {"addresses": [str(ip_address(address["ip"]))], "conditions": {"ready": ready}}
    for name in ("targetRef", "nodeName", "hostname"):
        if address.get(name):
            made[name] = address[name]
    return made


CONTROLLER = Controller(
    name="endpointslice-mirroring-controller",
    watches=(
        Watch("endpoints", own_key),
        Watch(targets.SERVICES, own_key),
        Watch(SLICES, targets.by_label(SERVICE_NAME)),
    ),
    reconcile=reconcile,
    indices=(Index(SLICES, slices.BY_SERVICE, slices.service_index),),
)

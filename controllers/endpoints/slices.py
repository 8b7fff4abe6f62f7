"""EndpointSlices of Services with a selector. Source: pkg/controller/endpointslice, staging/src/k8s.io/endpointslice.

Left out: the hints of the annotation service.kubernetes.io/topology-mode, which share out the CPUs of zones.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controllers.actions import Action
from controllers.controller import Controller, Index, Key, Reader, Watch, key_of, own_key
from controllers.endpoints import packing, targets
from controllers.endpoints.packing import MANAGED_BY, SERVICE_NAME, SLICES, Group, Shape
from controllers.endpoints.triggers import Triggers
from controllers.workloads import pods, refs

Document = dict[str, Any]

MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
ZONE = "topology.kubernetes.io/zone"
BY_SERVICE = "service"
COOLDOWN_SECONDS = 0.03


CLOSE = ("PreferClose", "PreferSameZone", "PreferSameNode")


def _reconcile(key: Key, reader: Reader, triggers: Triggers) -> list[Action]:
    service = reader.get(targets.SERVICES, *key)
    # The slices of a Service that is gone are the garbage collector's.
    if service is None:
        triggers.forget(key)
    if service is None or pods.is_deleting(service) or not targets.has_endpoints(service):
        return []
    existing = [s for s in slices_of(key, reader) if s["metadata"]["labels"].get(MANAGED_BY) == MANAGER]
    families = targets.families(service)
    selected = sorted(targets.selected(service, reader), key=lambda p: p["metadata"]["name"])
    wanted = [group for family in families for group in _groups(service, selected, family, reader)]
    shape = Shape(
        namespace=key.namespace,
        name_prefix=f"{key.name}-",
        labels=_labels(service),
        owner=refs.controller_ref({**service, "apiVersion": "v1", "kind": "Service"}),
        trigger=triggers.of(key, service, selected),
    )
    return packing.pack([s for s in existing if not pods.is_deleting(s)], wanted, families, shape)


def slices_of(key: Key, reader: Reader) -> list[Document]:
    """All that bear the Service's name, whoever manages them."""
    return reader.indexed(SLICES, BY_SERVICE, f"{key.namespace}/{key.name}")


def _groups(service: Document, selected: list[Document], family: str, reader: Reader) -> list[Group]:
    groups: dict[bytes, Group] = {}
    for pod in selected:
        if not targets.belongs(pod, terminating=True) or not targets.address(pod, family):
            continue
        ports = _ports(service, pod)
        group = groups.setdefault(packing.group_key(family, ports), Group(family, ports))
        group.endpoints.append(_endpoint(service, pod, family, reader))
    return list(groups.values())


def _ports(service: Document, pod: Document) -> list[Document]:
    found = []
    for port in service["spec"].get("ports") or ():
        number = targets.target_port(pod, port)
        if number is None:
            continue
        made = {"name": port.get("name") or "", "protocol": port.get("protocol", "TCP"), "port": number}
        if port.get("appProtocol"):
            made["appProtocol"] = port["appProtocol"]
        found.append(made)
    return found


def _endpoint(service: Document, pod: Document, family: str, reader: Reader) -> Document:
    serving, terminating = pods.is_ready(pod), pods.is_deleting(pod)
    anyway = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint: Document = {
        "addresses": [targets.address(pod, family)],
        "conditions": {
            "ready": anyway or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": targets.target_ref(pod),
    }
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
        node = reader.get("nodes", "", pod["spec"]["nodeName"])
        zone = ((node or {}).get("metadata", {}).get("labels") or {}).get(ZONE)
        if zone:
            endpoint["zone"] = zone
    if name := targets.hostname(pod, service):
        endpoint["hostname"] = name
    if hints := _hints(service, endpoint):
        endpoint["hints"] = hints
    return endpoint


def _hints(service: Document, endpoint: Document) -> Document:
    """Whose traffic a ready endpoint is meant for, where the Service prefers what is near."""
    distribution = service["spec"].get("trafficDistribution")
    hints: Document = {}
    if distribution in CLOSE and endpoint["conditions"]["ready"]:
        if endpoint.get("zone"):
            hints["forZones"] = [{"name": endpoint["zone"]}]
        if endpoint.get("nodeName") and distribution == "PreferSameNode":
            hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints


def _labels(service: Document) -> dict[str, str]:
    reserved = (SERVICE_NAME, MANAGED_BY, HEADLESS)
    labels = {k: v for k, v in (service["metadata"].get("labels") or {}).items() if k not in reserved}
    if targets.is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


def service_index(slice_: Document) -> tuple[str, ...]:
    name = (slice_["metadata"].get("labels") or {}).get(SERVICE_NAME)
    return (f"{slice_['metadata']['namespace']}/{name}",) if name else ()


def _of_node(node: Document, reader: Reader) -> list[Key]:
    """A node's zone is part of its endpoints; that it changes matters only where it has one."""
    if ZONE not in (node["metadata"].get("labels") or {}):
        return []
    return [key_of(s) for s in reader.list(targets.SERVICES) if targets.has_endpoints(s)]


def controller() -> Controller:
    """Each has a memory of its own of what triggered the last change."""
    triggers = Triggers()

    def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
        return _reconcile(key, reader, triggers)

    return Controller(
        name="endpointslice-controller",
        watches=(
            Watch(targets.SERVICES, own_key),
            Watch("pods", targets.services_of),
            Watch(SLICES, targets.by_label(SERVICE_NAME)),
            Watch("nodes", _of_node),
        ),
        reconcile=reconcile,
        indices=(Index(SLICES, BY_SERVICE, service_index),),
        cooldown=COOLDOWN_SECONDS,
    )

"""Services of type LoadBalancer get an address at once: the one asked for, else their cluster address.

The cluster address answers on this machine already, so nothing can collide with it. A Service that names a
loadBalancerClass is somebody else's. Source of meaning: k8s.io/cloud-provider/controllers/service.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controllers.actions import Action, Event, Patch
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    service = reader.get("services", key.namespace, key.name)
    if service is None or service["metadata"].get("deletionTimestamp"):
        return []
    spec = service["spec"]
    current = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if spec.get("type") != "LoadBalancer":
        return [_assign(service, None)] if current else []
    address = spec.get("loadBalancerIP") or spec.get("clusterIP")
    if spec.get("loadBalancerClass") or not address or address == "None":
        return []
    wanted = [{"ip": address, "ipMode": "VIP"}]
    if current == wanted:
        return []
    return [
        Event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer"),
        _assign(service, wanted),
        Event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer"),
    ]


def _assign(service: Document, ingress: list[Document] | None) -> Patch:
    meta = service["metadata"]
    body = {"status": {"loadBalancer": {"ingress": ingress}}}
    return Patch("services", meta["namespace"], meta["name"], body, subresource="status", ignore_missing=True)


CONTROLLER = Controller(
    name="service-controller",
    watches=(Watch("services", own_key),),
    reconcile=reconcile,
)

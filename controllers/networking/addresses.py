"""IPAddress objects: one for each address that a Service has.

Upstream's allocator is made of them; here the API server allocates by the Services themselves, and these objects show
what it did. Source of their form: pkg/registry/core/service/ipallocator.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Create, Delete
from controllers.controller import Controller, Index, Key, Reader, Watch, key_of

Document = dict[str, Any]

ADDRESSES = "ipaddresses.networking.k8s.io"
SERVICES = "services"
BY_ADDRESS = "address"
FAMILY, MANAGED_BY = "ipaddress.kubernetes.io/ip-family", "ipaddress.kubernetes.io/managed-by"
ALLOCATOR = "ipallocator.k8s.io"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    """By the address."""
    found = reader.get(ADDRESSES, "", key.name)
    owners = reader.indexed(SERVICES, BY_ADDRESS, key.name)
    wanted = _document(key.name, owners[0]) if owners else None
    if found is None:
        return [Create(ADDRESSES, wanted, ignore_exists=True)] if wanted else []
    if not is_ours(found) or (wanted and found.get("spec") == wanted["spec"]):
        return []
    # What it belongs to cannot be changed.
    removal = Delete(ADDRESSES, "", key.name, uid=found["metadata"]["uid"])
    return [removal, Create(ADDRESSES, wanted, ignore_exists=True)] if wanted else [removal]


def is_ours(address: Document) -> bool:
    return (address["metadata"].get("labels") or {}).get(MANAGED_BY) == ALLOCATOR


def of_service(service: Document) -> list[str]:
    spec = service["spec"]
    found = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    return [ip for ip in found if ip not in ("", "None")]


def _document(address: str, service: Document) -> Document:
    meta = service["metadata"]
    labels = {FAMILY: "IPv6" if ":" in address else "IPv4", MANAGED_BY: ALLOCATOR}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": labels},
        "spec": {"parentRef": {"resource": "services", "namespace": meta["namespace"], "name": meta["name"]}},
    }


def _of_service(service: Document, reader: Reader) -> Iterable[Key]:
    return [Key("", address) for address in of_service(service)]


CONTROLLER = Controller(
    name="ipallocator-repair-controller",
    watches=(Watch(ADDRESSES, lambda address, reader: (key_of(address),)), Watch(SERVICES, _of_service)),
    reconcile=reconcile,
    indices=(Index(SERVICES, BY_ADDRESS, of_service),),
)

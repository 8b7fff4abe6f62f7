"""ServiceCIDRs: the finalizer that keeps one while its addresses are in use, and the condition Ready.

Addresses come from the range that the cluster was started with and from no other; a ServiceCIDR with another range says
so. Source: pkg/controller/servicecidrs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import parse, rfc3339
from controllers.actions import Action, Patch, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.networking import addresses
from controllers.networking.addresses import ADDRESSES

Document = dict[str, Any]

RANGES = "servicecidrs.networking.k8s.io"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
GRACE = timedelta(seconds=10)
"""What is being allocated at the time of a deletion has come by then."""
READY = "Kubernetes Service CIDR is ready"
IN_USE = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"


class Ranges:
    """``service_cidr``: where this cluster's addresses come from."""

    def __init__(self, service_cidr: str) -> None:
        self._served = ipaddress.ip_network(service_cidr)

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        found = reader.get(RANGES, "", key.name)
        if found is None:
            return []
        deleted = found["metadata"].get("deletionTimestamp")
        if deleted:
            return self._end(found, parse(deleted) + GRACE, reader, now)
        if FINALIZER not in (found["metadata"].get("finalizers") or ()):
            body = {"metadata": {"uid": found["metadata"]["uid"], "finalizers": [FINALIZER]}}
            return [Patch(RANGES, "", key.name, body, kind="strategic", ignore_missing=True)]
        if all(self._serves(c) for c in _cidrs(found)):
            condition = _condition(found)
            # The default one is made ready, in words of its own, by the API server.
            return [] if condition and condition["status"] == "True" else _say(found, "True", "", READY, now)
        message = f"Addresses of this cluster are allocated from {self._served} only"
        return _say(found, "False", "RangeNotServed", message, now)

    def _serves(self, cidr: str) -> bool:
        network = _network(cidr)
        return network.version == self._served.version and network.subnet_of(self._served)

    def _end(self, found: Document, due: datetime, reader: Reader, now: datetime) -> list[Action]:
        if FINALIZER not in (found["metadata"].get("finalizers") or ()):
            return []
        if _in_use(found, reader):
            return _say(found, "False", "Terminating", IN_USE, now)
        if due > now:
            return [Requeue((due - now).total_seconds())]
        body = {"metadata": {"uid": found["metadata"]["uid"], "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
        return [Patch(RANGES, "", found["metadata"]["name"], body, kind="strategic", ignore_missing=True)]


def _in_use(found: Document, reader: Reader) -> bool:
    """Whether an address would be in no range any more."""
    mine = [_network(c) for c in _cidrs(found)]
    others = [
        _network(c)
        for r in reader.list(RANGES)
        if r["metadata"]["name"] != found["metadata"]["name"]
        for c in _cidrs(r)
    ]
    taken = (ipaddress.ip_address(a["metadata"]["name"]) for a in reader.list(ADDRESSES) if addresses.is_ours(a))
    return any(any(ip in n for n in mine) and not any(ip in n for n in others) for ip in taken)


def _say(found: Document, status: str, reason: str, message: str, now: datetime) -> list[Action]:
    old = _condition(found)
    made = {"type": "Ready", "status": status, "reason": reason, "message": message}
    if old is not None and all(old.get(k) == v for k, v in made.items()):
        return []
    same = old is not None and old["status"] == status
    made["lastTransitionTime"] = old["lastTransitionTime"] if old is not None and same else rfc3339(now)
    before = found.get("status") or {}
    conditions = [c for c in before.get("conditions") or () if c["type"] != "Ready"]
    status_ = {**before, "conditions": [*conditions, made]}
    return [Update(RANGES, {**found, "status": status_}, subresource="status")]


def _condition(found: Document) -> Document | None:
    conditions = (found.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == "Ready"), None)


def _cidrs(found: Document) -> list[str]:
    return (found.get("spec") or {}).get("cidrs") or []


def _network(cidr: str) -> Any:
    return ipaddress.ip_network(cidr)


def _ending(obj: Document, reader: Reader) -> Iterable[Key]:
    """An address that goes, or a range that comes, may be what the end of another waits for."""
    return [key_of(r) for r in reader.list(RANGES) if r["metadata"].get("deletionTimestamp")]


def controller(service_cidr: str) -> Controller:
    return Controller(
        name="service-cidrs-controller",
        watches=(Watch(RANGES, own_key), Watch(RANGES, _ending), Watch(ADDRESSES, _ending)),
        reconcile=Ranges(service_cidr).reconcile,
        workers=1,
    )

"""componentstatuses, which kubectl still shows: the store answers, and who leads writes a lease.

Upstream probes its components over HTTP (pkg/registry/core/componentstatus); here a component that holds a lease in
kube-system counts as healthy while it renews it, and one without a lease is not listed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from apimachinery.errors import NotFound
from apimachinery.kinds import named
from apimachinery.timestamps import parse
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document

_LEASES = (("controller-manager", "kube-controller-manager"), ("scheduler", "kube-scheduler"))


async def show(call: Call) -> tuple[int, Document]:
    """Get or list."""
    found = _all(call, datetime.now(UTC))
    if call.verb == "get":
        for status in found:
            if status["metadata"]["name"] == call.name:
                return 200, {"kind": "ComponentStatus", "apiVersion": "v1", **status}
        raise NotFound.of("componentstatuses", call.name)
    return 200, {"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": found}


def _all(call: Call, moment: datetime) -> list[Document]:
    statuses = []
    for name, lease_name in _LEASES:
        try:
            lease = call.registry.get(named("leases.coordination.k8s.io"), "kube-system", lease_name).object
        except NotFound:
            continue
        spec = lease.get("spec") or {}
        age = (moment - parse(spec["renewTime"])).total_seconds() if spec.get("renewTime") else None
        fresh = age is not None and age <= spec.get("leaseDurationSeconds", 0)
        statuses.append(_status(name, "" if fresh else f"lease kube-system/{lease_name} is not renewed"))
    return [*statuses, _status("etcd-0", "")]


def _status(name: str, problem: str) -> Document:
    condition = {"type": "Healthy", "status": "False" if problem else "True", "message": problem or "ok"}
    return {"metadata": {"name": name}, "conditions": [condition]}

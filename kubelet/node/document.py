"""The Node's labels and status as documents. Pure. Source: pkg/kubelet/nodestatus/setters.go."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from apimachinery.quantities import format_
from apimachinery.version import GIT_VERSION
from kubelet.node.machine import Machine
from kubelet.pods import handlers
from kubelet.pods.documents import Document
from kubelet.runtime.api import Image
from kubelet.settings import Settings

MAX_IMAGES, MAX_NAMES = 50, 5
OK = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
BAD = (
    ("MemoryPressure", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    ("DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure"),
    ("PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
)
EVICTION_MEMORY = 100 * 1024 * 1024
"""Bytes that pods can't have: upstream's hard eviction threshold."""
EVICTION_DISK = 0.10
_FEATURES = {"recursiveReadOnlyMounts": True, "userNamespaces": False}


def labels(settings: Settings, machine: Machine) -> dict[str, str]:
    return {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": settings.node_name,
        "kubernetes.io/os": "linux",
    }


def node(settings: Settings, machine: Machine) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": settings.node_name,
            "labels": labels(settings, machine),
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": {"podCIDR": settings.pod_cidr, "podCIDRs": [settings.pod_cidr]},
    }


def capacity(settings: Settings, machine: Machine) -> dict[str, str]:
    return {
        "cpu": str(machine.cpus),
        "ephemeral-storage": f"{machine.disk // 1024}Ki",
        **{f"hugepages-{size}": format_(n, style_of="1Ki") for size, n in machine.hugepages.items()},
        "memory": f"{machine.memory // 1024}Ki",
        "pods": str(settings.max_pods),
    }


def allocatable(settings: Settings, machine: Machine) -> dict[str, str]:
    return {
        **capacity(settings, machine),
        "ephemeral-storage": str(machine.disk - int(machine.disk * EVICTION_DISK)),
        "memory": f"{max(0, machine.memory - EVICTION_MEMORY - sum(machine.hugepages.values())) // 1024}Ki",
    }


def status(
    settings: Settings,
    machine: Machine,
    *,
    address: str,
    runtime_version: str,
    images: Iterable[Image],
    previous: Document,
    now: str,
    problem: str = "",
    pressure: Collection[str] = (),
) -> Document:
    """``previous`` is the last status: a condition's transition time changes only with its status. ``problem`` is why
    the node isn't ready, ``pressure`` the types of conditions that it shouldn't have."""
    found: Document = {
        "capacity": capacity(settings, machine),
        "allocatable": allocatable(settings, machine),
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": settings.node_name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": settings.port}},
        "nodeInfo": {
            "architecture": machine.architecture,
            "bootID": machine.boot_id,
            "containerRuntimeVersion": runtime_version,
            "kernelVersion": machine.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": GIT_VERSION,
            "machineID": machine.machine_id,
            "operatingSystem": "linux",
            "osImage": machine.os_image,
            "systemUUID": machine.system_uuid,
        },
        "images": image_list(images),
        "runtimeHandlers": [{"name": name, "features": dict(_FEATURES)} for name in handlers.DEFAULT],
        "features": {"supplementalGroupsPolicy": True},
        "conditions": conditions(previous.get("conditions") or (), now, problem, pressure),
    }
    if machine.swap:
        found["nodeInfo"]["swap"] = {"capacity": machine.swap}
    return found


def conditions(previous: Iterable[Document], now: str, problem: str, pressure: Collection[str] = ()) -> list[Document]:
    known = {c["type"]: c for c in previous}
    wanted = [
        (good[0], "True", *bad[1:]) if good[0] in pressure else (good[0], "False", *good[1:])
        for good, bad in zip(OK, BAD, strict=True)
    ]
    if problem:
        wanted.append(("Ready", "False", "KubeletNotReady", problem))
    else:
        wanted.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    ours = {kind for kind, *_ in wanted}
    found = [c for c in known.values() if c["type"] not in ours]
    for kind, value, reason, message in wanted:
        old = known.get(kind)
        since = old["lastTransitionTime"] if old and old.get("status") == value else now
        found.append(
            {
                "type": kind,
                "status": value,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since,
            }
        )
    return found


def image_list(images: Iterable[Image]) -> list[Document]:
    """The largest first: what a scheduler would rather not fetch again."""
    largest = sorted(images, key=lambda i: i.size, reverse=True)[:MAX_IMAGES]
    return [
        {"names": [*i.repo_digests, *i.repo_tags][:MAX_NAMES], "sizeBytes": i.size}
        for i in largest
        if i.repo_digests or i.repo_tags
    ]


def transitions(old: Document, new: Document) -> list[str]:
    """Reasons of events, for conditions of pressure that came or went: ``NodeHasDiskPressure``."""
    was = {c["type"]: c.get("status") for c in old.get("conditions") or ()}
    kinds = {good[0] for good in OK}
    return [
        c["reason"].replace("Kubelet", "Node", 1)
        for c in new["conditions"]
        if c["type"] in kinds and was.get(c["type"], c["status"]) != c["status"]
    ]


def changed(old: Document, new: Document) -> bool:
    """Whether anything but heartbeats differs."""
    return _still(old) != _still(new)


def tells(status: Document, reported: Document) -> bool:
    """Whether the conditions of ``status`` are those that were reported."""
    found = {c["type"]: c["status"] for c in status.get("conditions") or ()}
    return all(found.get(c["type"]) == c["status"] for c in reported.get("conditions") or ())


def _still(status: Document) -> Document:
    quiet = [{k: v for k, v in c.items() if k != "lastHeartbeatTime"} for c in status.get("conditions") or ()]
    return {**status, "conditions": sorted(quiet, key=lambda c: c["type"])}


def lease(settings: Settings, node: Document, now: str) -> Document:
    owner = {"apiVersion": "v1", "kind": "Node", "name": settings.node_name, "uid": node["metadata"]["uid"]}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": settings.node_name, "namespace": "kube-node-lease", "ownerReferences": [owner]},
        "spec": {"holderIdentity": settings.node_name, "leaseDurationSeconds": 40, "renewTime": now},
    }

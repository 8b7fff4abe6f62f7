"""Which pods a Service leads to, and at which ports. Source: staging/src/k8s.io/endpointslice/util."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from controllers.controller import Key, Reader, key_of
from controllers.workloads import pods

Document = dict[str, Any]

SERVICES = "services"
IPV4, IPV6 = "IPv4", "IPv6"


def has_endpoints(service: Document) -> bool:
    """Whether its endpoints are made from pods."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def selects(service: Document, labels: Document) -> bool:
    return all(labels.get(k) == v for k, v in service["spec"]["selector"].items())


def selected(service: Document, reader: Reader) -> list[Document]:
    """The pods that it selects, whatever their state."""
    found = reader.list("pods", service["metadata"]["namespace"])
    return [p for p in found if selects(service, p["metadata"].get("labels") or {})]


def belongs(pod: Document, *, terminating: bool) -> bool:
    """Whether a pod may be an endpoint at all; ``terminating``: also while it ends."""
    if pods.is_final(pod) or not addresses(pod):
        return False
    return terminating or not pods.is_deleting(pod)


def addresses(pod: Document) -> list[str]:
    status = pod.get("status") or {}
    ips = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return ips or ([status["podIP"]] if status.get("podIP") else [])


def address(pod: Document, family: str) -> str:
    """Its first address of the family; empty where it has none."""
    return next((ip for ip in addresses(pod) if family_of(ip) == family), "")


def family_of(ip: str) -> str:
    return IPV6 if ":" in ip else IPV4


def families(service: Document) -> list[str]:
    return list(service["spec"].get("ipFamilies") or (IPV4,))


def is_headless(service: Document) -> bool:
    return (service["spec"].get("clusterIP") or "") in ("", "None")


def hostname(pod: Document, service: Document) -> str:
    """The name below the Service's that the pod asks for."""
    spec = pod["spec"]
    asked = spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]
    return spec["hostname"] if asked and pod["metadata"]["namespace"] == service["metadata"]["namespace"] else ""


def target_port(pod: Document, port: Document) -> int | None:
    """The port of the pod that a Service's port leads to; None where the pod has none of that name."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    sidecars = [c for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*pod["spec"]["containers"], *sidecars):
        for offered in container.get("ports") or ():
            if offered.get("name") == target and offered.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return offered["containerPort"]
    return None


def target_ref(pod: Document) -> Document:
    meta = pod["metadata"]
    return {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}


def services_of(pod: Document, reader: Reader) -> Iterable[Key]:
    """For a Watch: the Services that select the pod."""
    labels = pod["metadata"].get("labels")
    if not labels:
        return ()
    found = reader.list(SERVICES, pod["metadata"]["namespace"])
    return [key_of(s) for s in found if has_endpoints(s) and selects(s, labels)]


def by_label(label: str) -> Callable[[Document, Reader], Iterable[Key]]:
    """For a Watch: the Service that a label names."""

    def keys(obj: Document, reader: Reader) -> Iterable[Key]:
        name = (obj["metadata"].get("labels") or {}).get(label)
        return (Key(obj["metadata"]["namespace"], name),) if name else ()

    return keys

"""The downward API: fields and resources of a pod as text. Source: pkg/fieldpath, pkg/api/v1/resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.quantities import ratio

_SUBSCRIPT = re.compile(r"(metadata\.(?:annotations|labels))\['(.+)'\]")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True, slots=True)
class Facts:
    """What of the node and the pod's network a pod may be told."""

    host_ip: str = ""
    pod_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)
    """The node's: what a limit is where none is set."""


def field_value(pod: Document, path: str, facts: Facts) -> str:
    """Raises ValueError for a path that upstream doesn't support."""
    if found := _SUBSCRIPT.fullmatch(path):
        of = pod["metadata"].get(found[1].removeprefix("metadata.")) or {}
        return of.get(found[2], "")
    spec, meta = pod["spec"], pod["metadata"]
    plain = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
        "status.podIP": facts.pod_ips[0] if facts.pod_ips else "",
        "status.podIPs": ",".join(facts.pod_ips),
    }
    if path in plain:
        return plain[path]
    if path in ("metadata.annotations", "metadata.labels"):
        return _map(meta.get(path.removeprefix("metadata.")) or {})
    raise ValueError(f"unsupported fieldPath: {path}")


def resource_value(pod: Document, container: Document | None, ref: Document, facts: Facts) -> str:
    """Raises ValueError for what isn't a resource or a container of the pod."""
    if name := ref.get("containerName"):
        container = documents.find_container(pod, name)
    if container is None:
        raise ValueError(f"container {ref.get('containerName')} not found")
    kind, _, resource = ref["resource"].partition(".")
    known = resource in _RESOURCES or resource.startswith("hugepages-")
    if kind not in ("limits", "requests") or not known:
        raise ValueError(f"unsupported container resource : {ref['resource']}")
    given = (container.get("resources") or {}).get(kind) or {}
    quantity = given.get(resource)
    if quantity is None:
        quantity = facts.allocatable.get(resource, "0") if kind == "limits" and resource in _RESOURCES else "0"
    divisor = ref.get("divisor")
    if divisor is None or str(divisor) == "0":
        divisor = "1"
    return str(ratio(quantity, divisor, cpu=resource == "cpu"))


def _map(entries: Mapping[str, str]) -> str:
    """``key="value"`` lines, sorted, values quoted as Go quotes them."""
    return "\n".join(f"{key}={_quoted(entries[key])}" for key in sorted(entries))


def _quoted(text: str) -> str:
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b"}
    named.update({"\f": "\\f", "\v": "\\v"})
    parts = [named.get(c) or (c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 128 else f"\\u{ord(c):04x}")
             for c in text]  # fmt: skip
    return '"' + "".join(parts) + '"'

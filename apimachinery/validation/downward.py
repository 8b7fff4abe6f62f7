"""References from a pod to its own fields and resources, in variables and in volumes."""

from __future__ import annotations

import re

from apimachinery.fielderrors import invalid, not_supported, required
from apimachinery.validation.basics import Document, Errors, qualified_name, shown

ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_KNOWN = {*ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"}
_SUBSCRIPT = re.compile(r"^(.*)\['([^']*)'\]$")
_SUBSCRIPTED = ("metadata.annotations", "metadata.labels")
_RESOURCES = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_HUGE_PAGES = ("requests.hugepages-", "limits.hugepages-")
_CPU_DIVISORS: tuple[str, ...] = ("1m", "1")
_BYTES_SAID = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
_BYTE_DIVISORS = tuple(_BYTES_SAID.split(", "))


def field(path: str, selector: Document, allowed: tuple[str, ...]) -> Errors:
    """An ObjectFieldSelector."""
    version, target = selector.get("apiVersion") or "", selector.get("fieldPath") or ""
    if not version:
        return [required(f"{path}.apiVersion")]
    if not target:
        return [required(f"{path}.fieldPath")]
    subscripted = _SUBSCRIPT.match(target)
    name, key = (subscripted[1], subscripted[2]) if subscripted else (target, "")
    problem = _unconvertible(version, name, target, subscripted=bool(subscripted))
    if problem:
        return [invalid(f"{path}.fieldPath", target, f"error converting fieldPath: {problem}")]
    if subscripted:
        return qualified_name(path, key.lower() if name == "metadata.annotations" else key)
    name = "spec.nodeName" if name == "spec.host" else name
    return [] if name in allowed else [not_supported(f"{path}.fieldPath", name, list(allowed))]


def _unconvertible(version: str, name: str, target: str, *, subscripted: bool) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted:
        return "" if name in _SUBSCRIPTED else f"field label does not support subscript: {target}"
    return "" if name in _KNOWN else f"field label not supported: {target}"


def resource(path: str, selector: Document, *, in_volume: bool) -> Errors:
    """A ResourceFieldSelector; in a volume it has to name the container."""
    name = selector.get("resource") or ""
    errors: Errors = []
    if in_volume and not selector.get("containerName"):
        errors.append(required(f"{path}.containerName"))
    elif not name:
        errors.append(required(f"{path}.resource"))
    elif name not in _RESOURCES and not name.startswith(_HUGE_PAGES):
        errors.append(not_supported(f"{path}.resource", name, list(_RESOURCES)))
    return errors + _divisor(f"{path}.divisor", name, shown(selector.get("divisor") or "0"))


def _divisor(path: str, name: str, divisor: str) -> Errors:
    if divisor == "0":
        return []
    if name.endswith(".cpu"):
        allowed, said, what = _CPU_DIVISORS, "1m and 1", "cpu"
    else:
        allowed, said, what = _BYTE_DIVISORS, _BYTES_SAID, _what(name)
    if not what or divisor in allowed:
        return []
    return [invalid(path, name, f"only divisor's values {said} are supported with the {what} resource")]


def _what(name: str) -> str:
    if name.startswith(_HUGE_PAGES):
        return "hugepages"
    return {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}.get(name.partition(".")[2], "")

"""What fits only one operating system."""

from __future__ import annotations

from apimachinery.fielderrors import forbidden, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    one_of,
)
from apimachinery.validation.containers import (
    visit,
)

_LINUX_ONLY_POD = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")


_LINUX_ONLY_CONTEXT = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
)


def only_one(path: str, spec: Document) -> Errors:
    os = spec.get("os")
    if os is None:
        return []
    if not os.get("name"):
        return [required(f"{path}.os.name")]
    errors = one_of(f"{path}.os", os["name"], ("linux", "windows"))
    if errors:
        return errors
    contexts = [(f"{path}.securityContext", spec.get("securityContext") or {})]
    contexts += [(f"{where}.securityContext", c.get("securityContext") or {}) for where, c in visit(spec, path)]
    if os["name"] == "linux":
        detail = "windows options cannot be set for a linux pod"
        return [forbidden(f"{p}.windowsOptions", detail) for p, c in contexts if c.get("windowsOptions") is not None]
    detail = "cannot be set for a windows pod"
    errors = [forbidden(f"{path}.{field}", detail) for field in _LINUX_ONLY_POD if spec.get(field) is not None]
    return errors + [
        forbidden(f"{p}.{field}", detail) for p, c in contexts for field in _LINUX_ONLY_CONTEXT if c.get(field)
    ]

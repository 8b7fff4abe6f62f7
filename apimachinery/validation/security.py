"""Security contexts of pods and containers."""

from __future__ import annotations

import re

from apimachinery.fielderrors import duplicate, invalid, required, too_long
from apimachinery.validation import files
from apimachinery.validation.basics import (
    INT32_MAX,
    Document,
    Errors,
    dns_subdomain,
    in_range,
    objects,
    one_of,
    optional_one_of,
    required_one_of,
)

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_LIMIT = 253
_PATH_LIMIT = 4095
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def user_and_group(path: str, context: Document) -> Errors:
    errors: Errors = []
    for field in ("runAsUser", "runAsGroup"):
        if context.get(field) is not None:
            errors += in_range(f"{path}.{field}", context[field], 0, INT32_MAX)
    return errors


def pod_context(path: str, context: Document, spec: Document) -> Errors:
    """``spec`` holds the host namespaces, which upstream keeps with the context."""
    if not context:
        return []
    errors: Errors = []
    if context.get("fsGroup") is not None:
        errors += in_range(f"{path}.fsGroup", context["fsGroup"], 0, INT32_MAX)
    errors += user_and_group(path, context)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        errors += in_range(f"{path}.supplementalGroups[{index}]", group, 0, INT32_MAX)
    errors += _sysctls(f"{path}.sysctls", context, spec)
    errors += optional_one_of(
        f"{path}.fsGroupChangePolicy", context.get("fsGroupChangePolicy"), ("Always", "OnRootMismatch")
    )
    errors += _profiles(path, context)
    errors += optional_one_of(
        f"{path}.supplementalGroupsPolicy", context.get("supplementalGroupsPolicy"), ("Merge", "Strict")
    )
    return errors + optional_one_of(
        f"{path}.seLinuxChangePolicy", context.get("seLinuxChangePolicy"), ("MountOption", "Recursive")
    )


def container_context(path: str, context: Document | None, *, host_users: bool) -> Errors:
    if not context:
        return []
    errors = user_and_group(path, context)
    proc_mount = context.get("procMount")
    if proc_mount is not None:
        errors += one_of(f"{path}.procMount", proc_mount, ("Default", "Unmasked"))
        if host_users and proc_mount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            errors.append(invalid(f"{path}.procMount", proc_mount, detail))
    if context.get("allowPrivilegeEscalation") is False:
        errors += _no_escalation(path, context)
    return errors + _profiles(path, context)


def _no_escalation(path: str, context: Document) -> Errors:
    said = "cannot set `allowPrivilegeEscalation` to false and"
    errors: Errors = []
    if context.get("privileged"):
        errors.append(invalid(path, context, f"{said} `privileged` to true"))
    if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
        errors.append(invalid(path, context, f"{said} `capabilities.Add` CAP_SYS_ADMIN"))
    return errors


def _profiles(path: str, context: Document) -> Errors:
    return [
        *_seccomp(f"{path}.seccompProfile", context.get("seccompProfile")),
        *_windows(f"{path}.windowsOptions", context.get("windowsOptions")),
        *_app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile")),
    ]


def _seccomp(path: str, profile: Document | None) -> Errors:
    if profile is None:
        return []
    kind, file = profile.get("type") or "", profile.get("localhostProfile")
    errors = one_of(f"{path}.type", kind, _PROFILES) if kind else []
    if not kind:
        errors.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    if kind != "Localhost":
        if file is not None:
            detail = "can only be set when seccomp type is Localhost"
            errors.append(invalid(f"{path}.localhostProfile", profile, detail))
    elif file is None:
        errors.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
    else:
        errors += files.descending(f"{path}.localhostProfile", file)
    return errors


def _app_armor(path: str, profile: Document | None) -> Errors:
    if profile is None:
        return []
    kind, name = profile.get("type") or "", profile.get("localhostProfile")
    where = f"{path}.localhostProfile"
    if not kind:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    if kind == "Localhost":
        return _app_armor_name(where, name)
    if kind not in _PROFILES:
        return one_of(f"{path}.type", kind, _PROFILES)
    return [] if name is None else [invalid(where, name, "can only be set when AppArmor type is Localhost")]


def _app_armor_name(path: str, name: str | None) -> Errors:
    if name is None or not name:
        return [required(path, "must be set when AppArmor type is Localhost")]
    errors: Errors = []
    if name != name.strip():
        errors.append(invalid(path, name, "must not be padded with whitespace"))
    if len(name.encode()) > _PATH_LIMIT:
        errors.append(too_long(path, _PATH_LIMIT))
    return errors


def _windows(path: str, options: Document | None) -> Errors:
    """Windows nodes do not exist here; only what upstream checks of names is checked."""
    name = (options or {}).get("gmsaCredentialSpecName")
    return [] if name is None else dns_subdomain(f"{path}.gmsaCredentialSpecName", name)


def _sysctls(path: str, context: Document, spec: Document) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, sysctl in enumerate(objects(context, "sysctls")):
        where, name = f"{path}[{index}].name", sysctl.get("name") or ""
        if not name:
            errors.append(required(where))
        elif len(name) > _SYSCTL_LIMIT or not re.fullmatch(_SYSCTL, name):
            detail = f"must have at most {_SYSCTL_LIMIT} characters and match regex ^{_SYSCTL}$"
            errors.append(invalid(where, name, detail))
        elif name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
        errors += _host_sysctl(where, name, spec)
    return errors


def _host_sysctl(path: str, name: str, spec: Document) -> Errors:
    dotted = name.replace("/", ".")
    if spec.get("hostNetwork") and dotted.startswith("net."):
        return [invalid(path, name, "may not be specified when 'hostNetwork' is true")]
    if spec.get("hostIPC") and dotted.startswith(_IPC_SYSCTLS):
        return [invalid(path, name, "may not be specified when 'hostIPC' is true")]
    return []


def restart_policy(path: str, value: str | None) -> Errors:
    return required_one_of(path, value, ("Always", "OnFailure", "Never"))

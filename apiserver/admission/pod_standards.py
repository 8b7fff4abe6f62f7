"""The Pod Security Standards: what baseline and restricted forbid, by version. Pure.

A check is (spec, annotations) -> (reason, detail) or None. Source of meaning and wording: pod-security-admission.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from apiserver.admission.plugin import Document, containers

Found = tuple[str, str] | None
CheckPod = Callable[[Document, dict[str, str]], Found]
LATEST = 1 << 30
"""A minor version that is newer than any."""

_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    )
)  # fmt: skip
_SYSCTLS = (
    (0, "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout"),
    (29, "net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes"),
    (32, "net.ipv4.tcp_rmem net.ipv4.tcp_wmem"),
)
_VOLUMES = frozenset(
    (
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
        "secret",
    )
)  # fmt: skip
_PROFILES = ("RuntimeDefault", "Localhost")


class _Check(NamedTuple):
    id: str
    since: int
    run: CheckPod
    overrides: str = ""


def violations(level: str, minor: int, spec: Document, annotations: dict[str, str]) -> list[tuple[str, str]]:
    """(reason, detail) of everything that a pod does against a level (baseline, restricted) of version 1.``minor``."""
    if level not in ("baseline", "restricted"):
        return []
    extra = _newest(_RESTRICTED, minor) if level == "restricted" else []
    overridden = {c.overrides for c in extra}
    checks = [c for c in _newest(_BASELINE, minor) if c.id not in overridden] + extra
    return [found for check in checks if (found := check.run(spec, annotations)) is not None]


def detail(found: Iterable[tuple[str, str]]) -> str:
    """``privileged (container "c" must not set ...), hostPath volumes (...)``."""
    return ", ".join(f"{reason} ({why})" if why else reason for reason, why in found)


def _newest(checks: tuple[_Check, ...], minor: int) -> list[_Check]:
    """The newest form of each check that the version knows, in the order of their ids."""
    known = {c.id: c for c in checks if c.since <= minor}
    return list(known.values())


def _security(holder: Document) -> Document:
    return holder.get("securityContext") or {}


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f'"{v}"' for v in values)


def _named(names: list[str], word: str = "container") -> str:
    return f"{word}{'' if len(names) == 1 else 's'} {_quoted(names)}"


def _each(spec: Document) -> list[Document]:
    return list(containers(spec, ephemeral=True))


def _where(spec: Document, is_bad: Callable[[Document], bool]) -> list[str]:
    """Names of the containers whose security context is bad."""
    return [c["name"] for c in _each(spec) if is_bad(_security(c))]


def _setters(spec: Document, is_bad: Callable[[Document], bool]) -> str:
    """``pod and containers "a", "b"``: whose security context is bad."""
    bad = _where(spec, is_bad)
    return " and ".join((["pod"] if is_bad(_security(spec)) else []) + ([_named(bad)] if bad else []))


def _values(spec: Document, take: Callable[[Document], Any]) -> list[str]:
    found = {take(_security(holder)) for holder in (spec, *_each(spec))}
    return sorted(str(v) for v in found if v)


def _is_windows(spec: Document) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


def _but_windows(check: CheckPod) -> CheckPod:
    return lambda spec, annotations: None if _is_windows(spec) else check(spec, annotations)


def _but_user_namespaces(check: CheckPod) -> CheckPod:
    return lambda spec, annotations: None if spec.get("hostUsers") is False else check(spec, annotations)


def _privileged(spec: Document, annotations: dict[str, str]) -> Found:
    bad = _where(spec, lambda s: bool(s.get("privileged")))
    return ("privileged", f"{_named(bad)} must not set securityContext.privileged=true") if bad else None


def _host_namespaces(spec: Document, annotations: dict[str, str]) -> Found:
    bad = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return ("host namespaces", ", ".join(bad)) if bad else None


def _host_paths(spec: Document, annotations: dict[str, str]) -> Found:
    bad = [v["name"] for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return ("hostPath volumes", _named(bad, "volume")) if bad else None


def _host_ports(spec: Document, annotations: dict[str, str]) -> Found:
    used = {c["name"]: [p["hostPort"] for p in c.get("ports") or () if p.get("hostPort")] for c in _each(spec)}
    bad = [name for name, ports in used.items() if ports]
    ports = sorted({str(p) for listed in used.values() for p in listed})
    return ("hostPort", f"{_named(bad)} {_uses(bad, 'hostPort', ports)} {', '.join(ports)}") if bad else None


def _uses(who: list[str], what: str, listed: list[str]) -> str:
    return f"{'uses' if len(who) == 1 else 'use'} {what}{'' if len(listed) == 1 else 's'}"


def _probe_hosts(spec: Document, annotations: dict[str, str]) -> Found:
    used: dict[str, set[str]] = {}
    for container in _each(spec):
        lifecycle = container.get("lifecycle") or {}
        probes = [container.get(f) for f in ("livenessProbe", "readinessProbe", "startupProbe")]
        for handler in (*probes, lifecycle.get("postStart"), lifecycle.get("preStop")):
            for action in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(action) or {}).get("host")
                if host:
                    used.setdefault(container["name"], set()).add(host)
    bad, hosts = sorted(used), sorted({h for listed in used.values() for h in listed})
    what = _uses(bad, "probe or lifecycle host", hosts)
    return ("probe or lifecycle host", f"{_named(bad)} {what} {_quoted(hosts)}") if bad else None


def _capabilities(spec: Document, annotations: dict[str, str]) -> Found:
    added = _added(spec, _CAPABILITIES)
    return ("non-default capabilities", added) if added else None


def _added(spec: Document, allowed: Iterable[str]) -> str:
    def beyond(security: Document) -> set[str]:
        return set((security.get("capabilities") or {}).get("add") or ()) - set(allowed)

    bad = _where(spec, lambda s: bool(beyond(s)))
    listed = sorted({v for c in _each(spec) for v in beyond(_security(c))})
    return f"{_named(bad)} must not include {_quoted(listed)} in securityContext.capabilities.add" if bad else ""


def _drop_all(spec: Document, annotations: dict[str, str]) -> Found:
    missing = _where(spec, lambda s: "ALL" not in ((s.get("capabilities") or {}).get("drop") or ()))
    said = [f'{_named(missing)} must set securityContext.capabilities.drop=["ALL"]'] if missing else []
    added = _added(spec, ("NET_BIND_SERVICE",))
    said += [added] if added else []
    return ("unrestricted capabilities", "; ".join(said)) if said else None


def _proc_mount(spec: Document, annotations: dict[str, str]) -> Found:
    bad = _where(spec, lambda s: s.get("procMount") not in (None, "Default"))
    types = sorted({_security(c)["procMount"] for c in _each(spec) if c["name"] in bad})
    return ("procMount", f"{_named(bad)} must not set securityContext.procMount to {_quoted(types)}") if bad else None


def _app_armor(spec: Document, annotations: dict[str, str]) -> Found:
    def wrong(security: Document) -> str:
        profile = security.get("appArmorProfile")
        return profile.get("type", "") if profile and profile.get("type") not in _PROFILES else ""

    setters, values = _setters(spec, lambda s: bool(wrong(s))), _values(spec, wrong)
    prefix = "container.apparmor.security.beta.kubernetes.io/"
    forbidden = sorted(
        f"{key}={json.dumps(value)}"
        for key, value in annotations.items()
        if key.startswith(prefix) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    if forbidden:
        word = "annotation" if len(forbidden) == 1 else "annotations"
        setters = f"{setters} and {word}" if setters else word
        values += forbidden
    if not setters:
        return None
    reason = "forbidden AppArmor profile" if len(values) == 1 else "forbidden AppArmor profiles"
    return reason, f"{setters} must not set AppArmor profile type to {_quoted(values)}"


def _se_linux(since: int) -> CheckPod:
    allowed = {"", "container_t", "container_init_t", "container_kvm_t"}
    allowed |= {"container_engine_t"} if since >= 31 else set()

    def wrong(security: Document) -> bool:
        options = security.get("seLinuxOptions") or {}
        return options.get("type", "") not in allowed or bool(options.get("user") or options.get("role"))

    def check(spec: Document, annotations: dict[str, str]) -> Found:
        setters = _setters(spec, wrong)
        if not setters:
            return None
        held = [_security(h).get("seLinuxOptions") or {} for h in (spec, *_each(spec))]
        types = sorted({o.get("type", "") for o in held} - allowed)
        said = [_named(types, "type")] if types else []
        said += [f"{field} may not be set" for field in ("user", "role") if any(o.get(field) for o in held)]
        return "seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}"

    return check


def _wrong_seccomp(security: Document) -> str:
    profile = security.get("seccompProfile")
    return profile.get("type", "") if profile and profile.get("type") not in _PROFILES else ""


def _seccomp_annotations(spec: Document, annotations: dict[str, str]) -> Found:
    keys = ["seccomp.security.alpha.kubernetes.io/pod"]
    keys += [f"container.seccomp.security.alpha.kubernetes.io/{c['name']}" for c in _each(spec)]
    fine = ("runtime/default", "docker/default")
    bad = sorted(
        f"{key}={json.dumps(annotations[key])}"
        for key in keys
        if key in annotations and annotations[key] not in fine and not annotations[key].startswith("localhost/")
    )
    word = "annotation" if len(bad) == 1 else "annotations"
    return ("seccompProfile", f"forbidden {word} {', '.join(bad)}") if bad else None


def _seccomp(spec: Document, annotations: dict[str, str]) -> Found:
    setters = _setters(spec, lambda s: bool(_wrong_seccomp(s)))
    if not setters:
        return None
    values = _quoted(_values(spec, _wrong_seccomp))
    return "seccompProfile", f"{setters} must not set securityContext.seccompProfile.type to {values}"


def _seccomp_set(spec: Document, annotations: dict[str, str]) -> Found:
    explicit = _seccomp(spec, annotations)
    if explicit is not None or _security(spec).get("seccompProfile"):
        return explicit
    bad = _where(spec, lambda s: not s.get("seccompProfile"))
    must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return ("seccompProfile", f"pod or {_named(bad)} {must}") if bad else None


def _sysctls(since: int) -> CheckPod:
    allowed = {name for minor, names in _SYSCTLS if minor <= since for name in names.split()}

    def check(spec: Document, annotations: dict[str, str]) -> Found:
        bad = [s["name"] for s in _security(spec).get("sysctls") or () if s["name"] not in allowed]
        return ("forbidden sysctls", ", ".join(bad)) if bad else None

    return check


def _host_process(spec: Document, annotations: dict[str, str]) -> Found:
    setters = _setters(spec, lambda s: bool((s.get("windowsOptions") or {}).get("hostProcess")))
    must = "must not set securityContext.windowsOptions.hostProcess=true"
    return ("hostProcess", f"{setters} {must}") if setters else None


def _escalation(spec: Document, annotations: dict[str, str]) -> Found:
    bad = _where(spec, lambda s: s.get("allowPrivilegeEscalation") is not False)
    reason = "allowPrivilegeEscalation != false"
    return (reason, f"{_named(bad)} must set securityContext.allowPrivilegeEscalation=false") if bad else None


def _volumes(spec: Document, annotations: dict[str, str]) -> Found:
    bad = {v["name"]: next((k for k in v if k != "name"), "unknown") for v in spec.get("volumes") or ()}
    bad = {name: kind for name, kind in bad.items() if kind not in _VOLUMES}
    names, kinds = list(bad), sorted(set(bad.values()))
    what = _uses(names, "restricted volume type", kinds)
    return ("restricted volume types", f"{_named(names, 'volume')} {what} {_quoted(kinds)}") if bad else None


def _non_root(spec: Document, annotations: dict[str, str]) -> Found:
    setters = _setters(spec, lambda s: s.get("runAsNonRoot") is False)
    if setters:
        return "runAsNonRoot != true", f"{setters} must not set securityContext.runAsNonRoot=false"
    if _security(spec).get("runAsNonRoot"):
        return None
    bad = _where(spec, lambda s: s.get("runAsNonRoot") is None)
    must = "must set securityContext.runAsNonRoot=true"
    return ("runAsNonRoot != true", f"pod or {_named(bad)} {must}") if bad else None


def _user(spec: Document, annotations: dict[str, str]) -> Found:
    setters = _setters(spec, lambda s: s.get("runAsUser") == 0)
    return ("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


_BASELINE = (
    _Check("appArmorProfile", 0, _app_armor),
    _Check("capabilities_baseline", 0, _capabilities),
    _Check("hostNamespaces", 0, _host_namespaces),
    _Check("hostPathVolumes", 0, _host_paths),
    _Check("hostPorts", 0, _host_ports),
    _Check("hostProbesAndHostLifecycle", 34, _probe_hosts),
    _Check("privileged", 0, _privileged),
    _Check("procMount", 0, _proc_mount),
    _Check("procMount", 35, _but_user_namespaces(_proc_mount)),
    _Check("seLinuxOptions", 0, _se_linux(0)),
    _Check("seLinuxOptions", 31, _se_linux(31)),
    _Check("seccompProfile_baseline", 0, _seccomp_annotations),
    _Check("seccompProfile_baseline", 19, _seccomp),
    *(_Check("sysctls", since, _sysctls(since)) for since in (0, 27, 29, 32)),
    _Check("windowsHostProcess", 0, _host_process),
)
"""By id; the forms of one check by the minor version that they came with."""

_RESTRICTED = (
    _Check("allowPrivilegeEscalation", 8, _escalation),
    _Check("allowPrivilegeEscalation", 25, _but_windows(_escalation)),
    _Check("capabilities_restricted", 22, _drop_all, "capabilities_baseline"),
    _Check("capabilities_restricted", 25, _but_windows(_drop_all), "capabilities_baseline"),
    _Check("procMount_restricted", 35, _proc_mount, "procMount"),
    _Check("restrictedVolumes", 0, _volumes, "hostPathVolumes"),
    _Check("runAsNonRoot", 0, _non_root),
    _Check("runAsNonRoot", 35, _but_user_namespaces(_non_root)),
    _Check("runAsUser", 23, _user),
    _Check("runAsUser", 35, _but_user_namespaces(_user)),
    _Check("seccompProfile_restricted", 19, _seccomp_set, "seccompProfile_baseline"),
    _Check("seccompProfile_restricted", 25, _but_windows(_seccomp_set), "seccompProfile_baseline"),
)

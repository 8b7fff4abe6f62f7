"""The spec of a pod or of a template of pods."""

from __future__ import annotations

import re

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, not_found, required, too_long
from apimachinery.validation import addresses, scheduling, security
from apimachinery.validation.basics import (
    INT32_MAX,
    Document,
    Errors,
    dns_label,
    dns_subdomain,
    in_range,
    labels,
    named,
    objects,
    one_of,
    qualified_name,
    required_one_of,
)
from apimachinery.validation.containers import (
    Context,
    containers,
    ephemeral_containers,
    init_containers,
    visit,
)
from apimachinery.validation.pod_resources import pod_level
from apimachinery.validation.resources import container_requirements
from apimachinery.validation.volumes import volumes

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMESERVERS, _SEARCHES, _SEARCH_CHARACTERS = 3, 32, 2048
_HOSTNAME_LIMIT = 64
_DNS_NAMES = (
    ("serviceAccountName", names.is_dns1123_subdomain),
    ("nodeName", names.is_dns1123_subdomain),
    ("hostname", names.is_dns1123_label),
    ("subdomain", names.is_dns1123_label),
    ("priorityClassName", names.is_dns1123_subdomain),
    ("runtimeClassName", names.is_dns1123_subdomain),
)
_UNDERSCORED = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"


def pod_spec(path: str, spec: Document, pod_name: str = "", *, in_pod: bool = False) -> Errors:
    """``pod_name`` and ``in_pod`` when it is a pod's own spec, not a template's."""
    errors: Errors = []
    if spec.get("terminationGracePeriodSeconds") is None:
        errors.append(required(f"{path}.terminationGracePeriodSeconds"))
    known, problems = volumes(f"{path}.volumes", objects(spec, "volumes"), pod_name, in_pod=in_pod)
    context = Context(
        volumes=known,
        claims=frozenset(c["name"] for c in objects(spec, "resourceClaims") if c.get("name")),
        grace=spec.get("terminationGracePeriodSeconds"),
        os=spec.get("os"),
        restart_policy=spec.get("restartPolicy") or "",
        host_users=spec.get("hostUsers") is not False,
    )
    return [
        *errors,
        *problems,
        *_resource_claims(f"{path}.resourceClaims", objects(spec, "resourceClaims")),
        *_all_containers(path, spec, context),
        *pod_level(path, spec),
        *_host_network(path, spec, in_pod=in_pod),
        *security.restart_policy(f"{path}.restartPolicy", spec.get("restartPolicy")),
        *required_one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES),
        *labels(f"{path}.nodeSelector", spec.get("nodeSelector")),
        *_shared_processes(path, spec),
        *security.pod_context(f"{path}.securityContext", spec.get("securityContext") or {}, spec),
        *_image_pull_secrets(f"{path}.imagePullSecrets", objects(spec, "imagePullSecrets")),
        *scheduling.affinity(f"{path}.affinity", spec.get("affinity")),
        *_dns_config(f"{path}.dnsConfig", spec.get("dnsConfig"), spec.get("dnsPolicy")),
        *_readiness_gates(f"{path}.readinessGates", objects(spec, "readinessGates")),
        *scheduling.scheduling_gates(f"{path}.schedulingGates", objects(spec, "schedulingGates")),
        *scheduling.spread_constraints(f"{path}.topologySpreadConstraints", objects(spec, "topologySpreadConstraints")),
        *_user_namespaces(path, spec),
        *_hostname_override(path, spec),
        *_small_fields(path, spec),
        *_os(path, spec),
        *_file_keys(path, spec),
    ]


def _all_containers(path: str, spec: Document, context: Context) -> Errors:
    regular = objects(spec, "containers")
    errors = containers(f"{path}.containers", regular, context)
    errors += init_containers(f"{path}.initContainers", objects(spec, "initContainers"), regular, context)
    return errors + ephemeral_containers(f"{path}.ephemeralContainers", spec, context)


def _small_fields(path: str, spec: Document) -> Errors:
    errors: Errors = []
    for field, check in _DNS_NAMES:
        if spec.get(field):
            errors += named(f"{path}.{field}", spec[field], check)
    if spec.get("activeDeadlineSeconds") is not None:
        errors += in_range(f"{path}.activeDeadlineSeconds", spec["activeDeadlineSeconds"], 1, INT32_MAX)
    errors += scheduling.tolerations(f"{path}.tolerations", objects(spec, "tolerations"))
    for index, alias in enumerate(objects(spec, "hostAliases")):
        where = f"{path}.hostAliases[{index}]"
        errors += addresses.ip(f"{where}.ip", alias.get("ip") or "")
        for number, name in enumerate(alias.get("hostnames") or ()):
            errors += dns_subdomain(f"{where}.hostnames[{number}]", name)
    if spec.get("preemptionPolicy") is not None:
        allowed = ("PreemptLowerPriority", "Never")
        errors += required_one_of(f"{path}.preemptionPolicy", spec["preemptionPolicy"], allowed)
    if spec.get("overhead"):
        errors += container_requirements(f"{path}.overhead", {"limits": spec["overhead"]})
    return errors


def _resource_claims(path: str, listed: list[Document]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, claim in enumerate(listed):
        where, name = f"{path}[{index}]", claim.get("name") or ""
        own, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        if not name:
            errors.append(required(f"{where}.name"))
        elif name in seen:
            errors.append(duplicate(f"{where}.name", name))
        else:
            errors += dns_label(f"{where}.name", name)
        seen.add(name)
        if own is not None and template is not None:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(where, claim, detail))
        if own is None and template is None:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(where, claim, detail))
        for field, value in (("resourceClaimName", own), ("resourceClaimTemplateName", template)):
            errors += [] if value is None else dns_subdomain(f"{where}.{field}", value)
    return errors


def _host_network(path: str, spec: Document, *, in_pod: bool) -> Errors:
    """On the host's network, the host's port is the container's; in a template it may be unset yet."""
    errors: Errors = []
    if not spec.get("hostNetwork"):
        return errors
    for index, container in enumerate(objects(spec, "containers")):
        for number, port in enumerate(objects(container, "ports")):
            host, own = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (in_pod or host) and host != own:
                detail = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid(f"{path}.containers[{index}].ports[{number}].hostPort", host, detail))
    return errors


def _shared_processes(path: str, spec: Document) -> Errors:
    if not (spec.get("shareProcessNamespace") and spec.get("hostPID")):
        return []
    detail = "ShareProcessNamespace and HostPID cannot both be enabled"
    return [invalid(f"{path}.securityContext.shareProcessNamespace", True, detail)]


def _image_pull_secrets(path: str, listed: list[Document]) -> Errors:
    return [
        invalid(f"{path}[{index}]", secret, "only name may be set")
        for index, secret in enumerate(listed)
        if {*secret} - {"name"}
    ]


def _dns_config(path: str, config: Document | None, policy: str | None) -> Errors:
    if policy == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", detail)]
    if config is None:
        return []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    errors: Errors = []
    if len(servers) > _NAMESERVERS:
        detail = f"must not have more than {_NAMESERVERS} nameservers"
        errors.append(invalid(f"{path}.nameservers", servers, detail))
    for index, server in enumerate(servers):
        errors += addresses.ip(f"{path}.nameservers[{index}]", server)
    errors += _dns_searches(f"{path}.searches", searches)
    for index, option in enumerate(objects(config, "options")):
        if not option.get("name"):
            errors.append(required(f"{path}.options[{index}]", "must not be empty"))
    return errors


def _dns_searches(path: str, searches: list[str]) -> Errors:
    errors: Errors = []
    if len(searches) > _SEARCHES:
        errors.append(invalid(path, searches, f"must not have more than {_SEARCHES} search paths"))
    if len(" ".join(searches)) > _SEARCH_CHARACTERS:
        said = f"must not have more than {_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        errors.append(invalid(path, searches, said))
    for index, search in enumerate(searches):
        if search != ".":
            errors += named(f"{path}[{index}]", search.removesuffix("."), _underscored_subdomain)
    return errors


def _underscored_subdomain(text: str) -> list[str]:
    """Search paths may have underscores; the message is that of subdomains with another pattern."""
    problems = [] if len(text) <= 253 else ["must be no more than 253 characters"]
    if not re.fullmatch(_UNDERSCORED, text):
        said = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        )
        problems.append(f"{said}'{_UNDERSCORED}')")
    return problems


def _readiness_gates(path: str, listed: list[Document]) -> Errors:
    return [
        error
        for index, gate in enumerate(listed)
        for error in qualified_name(f"{path}[{index}].conditionType", gate.get("conditionType") or "")
    ]


def _user_namespaces(path: str, spec: Document) -> Errors:
    if spec.get("hostUsers") is not False:
        return []
    detail = "when `hostUsers` is false"
    shown = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    errors = [forbidden(f"{path}.{name}", detail) for field, name in shown if spec.get(field)]
    for where, container in visit(spec, path):
        if container.get("volumeDevices"):
            errors.append(forbidden(f"{where}.volumeDevices", detail))
    return errors


def _hostname_override(path: str, spec: Document) -> Errors:
    name, where = spec.get("hostnameOverride"), f"{path}.hostnameOverride"
    if name is None:
        return []
    errors: Errors = []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden(where, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden(where, "may not be specified when hostNetwork is true"))
    if len(name) > _HOSTNAME_LIMIT:
        errors.append(too_long(where, _HOSTNAME_LIMIT))
    return errors + dns_subdomain(where, name)


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


def _os(path: str, spec: Document) -> Errors:
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


def _file_keys(path: str, spec: Document) -> Errors:
    """A variable read from a file needs the emptyDir that the file is in."""
    errors: Errors = []
    known = {v.get("name"): v for v in objects(spec, "volumes")}
    for where, container in visit(spec, path):
        for index, variable in enumerate(objects(container, "env")):
            key = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if key is None:
                continue
            name = key.get("volumeName") or ""
            place = f"{where}.env[{index}].valueFrom.fileKeyRef.volumeName"
            if name not in known:
                errors.append(not_found(place, name))
            elif known[name].get("emptyDir") is None:
                errors.append(invalid(place, name, "referenced volume must be of type emptyDir"))
    return errors

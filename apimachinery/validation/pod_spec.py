"""The specification of a pod."""

from __future__ import annotations

from apimachinery.fielderrors import duplicate, forbidden, invalid, not_found, required
from apimachinery.validation import addresses, pod_dns, pod_os, scheduling, security
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
        *pod_dns.host_network(path, spec, in_pod=in_pod),
        *security.restart_policy(f"{path}.restartPolicy", spec.get("restartPolicy")),
        *required_one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES),
        *labels(f"{path}.nodeSelector", spec.get("nodeSelector")),
        *_shared_processes(path, spec),
        *security.pod_context(f"{path}.securityContext", spec.get("securityContext") or {}, spec),
        *_image_pull_secrets(f"{path}.imagePullSecrets", objects(spec, "imagePullSecrets")),
        *scheduling.affinity(f"{path}.affinity", spec.get("affinity")),
        *pod_dns.dns_config(f"{path}.dnsConfig", spec.get("dnsConfig"), spec.get("dnsPolicy")),
        *_readiness_gates(f"{path}.readinessGates", objects(spec, "readinessGates")),
        *scheduling.scheduling_gates(f"{path}.schedulingGates", objects(spec, "schedulingGates")),
        *scheduling.spread_constraints(f"{path}.topologySpreadConstraints", objects(spec, "topologySpreadConstraints")),
        *_user_namespaces(path, spec),
        *pod_dns.hostname_override(path, spec),
        *_small_fields(path, spec),
        *pod_os.only_one(path, spec),
        *_file_keys(path, spec),
    ]


def _all_containers(path: str, spec: Document, context: Context) -> Errors:
    regular = objects(spec, "containers")
    errors = containers(f"{path}.containers", regular, context)
    errors += init_containers(f"{path}.initContainers", objects(spec, "initContainers"), regular, context)
    return errors + ephemeral_containers(f"{path}.ephemeralContainers", spec, context)


def _small_fields(path: str, spec: Document) -> Errors:
    errors: Errors = []
    for field, check in pod_dns.DNS_NAMES:
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

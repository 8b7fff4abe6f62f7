"""Containers, init containers and ephemeral containers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apimachinery import names
from apimachinery.fielderrors import FieldError, duplicate, forbidden, invalid, not_found, required, too_many
from apimachinery.validation import environment, probes, resources, security
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_label,
    named,
    objects,
    one_of,
    port_number,
    required_one_of,
)
from apimachinery.validation.mounts import devices, mounts

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_RULES_LIMIT = 20
_CODES_LIMIT = 255
KINDS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Context:
    """What a container's checks need of its pod.

    ``volumes``: the sound ones by name; ``claims``: the names of resourceClaims; ``grace`` in seconds.
    """

    volumes: dict[str, Document]
    claims: frozenset[str]
    grace: int | None
    os: Document | None
    restart_policy: str
    host_users: bool


def visit(spec: Document, path: str) -> Iterator[tuple[str, Document]]:
    """(path, container) of every container of a pod, in upstream's order."""
    for kind in KINDS:
        for index, container in enumerate(objects(spec, kind)):
            yield f"{path}.{kind}[{index}]", container


def containers(path: str, listed: list[Document], context: Context) -> Errors:
    if not listed:
        return [required(path)]
    errors: Errors = []
    seen: set[str] = set()
    for index, container in enumerate(listed):
        where, name = f"{path}[{index}]", container.get("name") or ""
        errors += _common(where, container, context)
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
        if container.get("lifecycle") is not None:
            errors += probes.lifecycle(f"{where}.lifecycle", container["lifecycle"], context.grace, context.os)
        errors += probes.probes(where, container) + _restart_rules(where, container)
    return errors + host_port_conflicts(path, listed)


def init_containers(path: str, listed: list[Document], regular: list[Document], context: Context) -> Errors:
    errors: Errors = []
    seen = {c.get("name") or "" for c in regular}
    for index, container in enumerate(listed):
        where, name = f"{path}[{index}]", container.get("name") or ""
        errors += _common(where, container, context) + _restart_rules(where, container)
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        elif name:
            seen.add(name)
        errors += host_port_conflicts(path, [container])
        errors += _init_hooks(where, container, context)
    return errors


def _init_hooks(path: str, container: Document, context: Context) -> Errors:
    """Only a sidecar lives long enough for probes and hooks."""
    errors: Errors = []
    if container.get("restartPolicy") == "Always":
        if container.get("lifecycle") is not None:
            errors += probes.lifecycle(f"{path}.lifecycle", container["lifecycle"], context.grace, context.os)
        return errors + probes.probes(path, container)
    for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(field) is not None:
            detail = "may not be set for init containers without restartPolicy=Always"
            errors.append(forbidden(f"{path}.{field}", detail))
    for index, policy in enumerate(objects(container, "resizePolicy")):
        if policy.get("restartPolicy") == "RestartContainer":
            detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            errors.append(invalid(f"{path}.resizePolicy[{index}].restartPolicy", "RestartContainer", detail))
    return errors


_NOT_EPHEMERAL = (
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
)


def ephemeral_containers(path: str, spec: Document, context: Context) -> Errors:
    errors: Errors = []
    others = {c.get("name") or "" for kind in ("containers", "initContainers") for c in objects(spec, kind)}
    seen = set(others)
    for index, container in enumerate(objects(spec, "ephemeralContainers")):
        where, name = f"{path}[{index}]", container.get("name") or ""
        errors += _common(where, container, context) + image_spacing(where, container)
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            errors.append(not_found(f"{where}.targetContainerName", target))
        errors += _plain(where, container)
    return errors


def _plain(path: str, container: Document) -> Errors:
    """Ephemeral containers may not be relied upon for services."""
    detail = "cannot be set for an Ephemeral Container"
    errors = [forbidden(f"{path}.{field}", detail) for field in _NOT_EPHEMERAL if container.get(field)]
    if any((container.get("resources") or {}).values()):
        errors.append(forbidden(f"{path}.resources", detail))
    for index, mount in enumerate(objects(container, "volumeMounts")):
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                errors.append(forbidden(f"{path}.volumeMounts[{index}].{field}", detail))
    return errors


def image_spacing(path: str, container: Document) -> Errors:
    image = container.get("image") or ""
    if image == image.strip():
        return []
    return [invalid(f"{path}.image", image, "must not have leading or trailing whitespace")]


def _common(path: str, container: Document, context: Context) -> Errors:
    name = container.get("name") or ""
    errors = dns_label(f"{path}.name", name) if name else [required(f"{path}.name")]
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    policies = ("File", "FallbackToLogsOnError")
    errors += required_one_of(f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), policies)
    errors += _ports(f"{path}.ports", objects(container, "ports"))
    errors += environment.variables(path, container)
    errors += mounts(path, container, context.volumes) + devices(path, container, context.volumes)
    errors += required_one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    errors += resources.container_requirements(f"{path}.resources", container.get("resources") or {}, context.claims)
    errors += _resize_policy(f"{path}.resizePolicy", objects(container, "resizePolicy"), context)
    return errors + security.container_context(
        f"{path}.securityContext", container.get("securityContext"), host_users=context.host_users
    )


def _ports(path: str, listed: list[Document]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, port in enumerate(listed):
        where, name = f"{path}[{index}]", port.get("name") or ""
        if name:
            problems = named(f"{where}.name", name, names.is_port_name)
            errors += problems
            if not problems and name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
        number, host = port.get("containerPort"), port.get("hostPort")
        errors += port_number(f"{where}.containerPort", number) if number else [required(f"{where}.containerPort")]
        if host:
            errors += port_number(f"{where}.hostPort", host)
        errors += required_one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)
    return errors


def host_port_conflicts(path: str, listed: list[Document]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, container in enumerate(listed):
        for number, port in enumerate(objects(container, "ports")):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in seen:
                errors.append(duplicate(f"{path}[{index}].ports[{number}].hostPort", key))
            seen.add(key)
    return errors


def _resize_policy(path: str, listed: list[Document], context: Context) -> Errors:
    errors: Errors = []
    seen: set[Any] = set()
    for index, each in enumerate(listed):
        name, policy = each.get("resourceName") or "", each.get("restartPolicy") or ""
        if name in seen:
            errors.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        errors += required_one_of(path, name, ("cpu", "memory"))
        errors += required_one_of(path, policy, ("NotRequired", "RestartContainer"))
        if context.restart_policy == "Never" and policy != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, policy, detail))
    return errors


def _restart_rules(path: str, container: Document) -> Errors:
    policy, rules = container.get("restartPolicy"), objects(container, "restartPolicyRules")
    errors: Errors = []
    if policy is None and rules:
        errors.append(required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    elif policy is not None:
        errors += one_of(f"{path}.restartPolicy", policy, ("Always", "Never", "OnFailure"))
    if len(rules) > _RULES_LIMIT:
        errors.append(too_many(f"{path}.restartPolicyRules", len(rules), _RULES_LIMIT))
    for index, rule in enumerate(rules):
        errors += _restart_rule(f"{path}.restartPolicyRules[{index}]", rule)
    return errors


def _restart_rule(path: str, rule: Document) -> list[FieldError]:
    errors = one_of(f"{path}.action", rule.get("action") or "", ("Restart", "RestartAllContainers"))
    codes = rule.get("exitCodes")
    if codes is None:
        return [*errors, required(f"{path}.exitCodes", "must be specified")]
    errors += one_of(f"{path}.exitCodes.operator", codes.get("operator") or "", ("In", "NotIn"))
    if len(codes.get("values") or ()) > _CODES_LIMIT:
        errors.append(too_many(f"{path}.exitCodes.values", len(codes["values"]), _CODES_LIMIT))
    return errors

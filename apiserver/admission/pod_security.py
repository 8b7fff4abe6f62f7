"""PodSecurity: a namespace's labels say which Pod Security Standard its pods are held to, and which warns.

Source of meaning and wording: pod-security-admission/admission. The audit label is checked for validity and otherwise
without effect, as there is no audit log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apimachinery.errors import Invalid
from apimachinery.fielderrors import FieldError, invalid
from apiserver.admission import pod_standards
from apiserver.admission.plugin import WRITES, Document, Plugin, Reader, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

_PREFIX = "pod-security.kubernetes.io/"
_LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"v1\.([0-9]|[1-9][0-9]*)")
_MOST_PODS = 3000
_TEMPLATES = {
    "podtemplates": ("template",),
    "replicationcontrollers": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True)
class Standard:
    level: str = "privileged"
    version: str = "latest"

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    def violations(self, pod: Document) -> list[tuple[str, str]]:
        if self.level == "privileged":
            return []
        minor = pod_standards.LATEST if self.version == "latest" else int(self.version.partition(".")[2])
        annotations = (pod.get("metadata") or {}).get("annotations") or {}
        return pod_standards.violations(self.level, minor, pod.get("spec") or {}, annotations)


def standards(labels: dict[str, str] | None) -> tuple[Standard, Standard, list[FieldError]]:
    """(enforced, warned of, what is wrong with the labels)."""
    labels = labels or {}
    errors: list[FieldError] = []
    enforce = _standard(labels, "enforce", "restricted", errors)
    _standard(labels, "audit", "privileged", errors)
    warn = _standard(labels, "warn", "privileged", errors)
    if _PREFIX + "warn" not in labels and labels.get(_PREFIX + "enforce") in _LEVELS:
        version = warn.version if _PREFIX + "warn-version" in labels else enforce.version
        warn = Standard(enforce.level, version) if enforce.level != "privileged" else warn
    return enforce, warn, errors


def _standard(labels: dict[str, str], mode: str, fallback: str, errors: list[FieldError]) -> Standard:
    level = labels.get(_PREFIX + mode, "privileged")
    version = labels.get(f"{_PREFIX}{mode}-version", "latest")
    if level not in _LEVELS:
        errors.append(_wrong(mode, level, f"must be one of {', '.join(_LEVELS)}"))
        level = fallback
    if version != "latest" and not _VERSION.fullmatch(version):
        errors.append(_wrong(f"{mode}-version", version, 'must be "latest" or "v1.x"'))
        version = "latest"
    return Standard(level, version)


def _wrong(label: str, value: str, detail: str) -> FieldError:
    return invalid(f"metadata.labels[{_PREFIX}{label}]", value, detail)


def _check_pod(op: Operation, reader: Reader) -> None:
    if op.old_object is not None and not _is_significant(op.object, op.old_object):
        return
    enforce, warn, _ = _of(op, reader)
    found = enforce.violations(op.object)
    if found:
        raise refusal(op, f'violates PodSecurity "{enforce}": {pod_standards.detail(found)}')
    _warn(op, warn, op.object)


def _warn_of_template(op: Operation, reader: Reader) -> None:
    _, warn, _ = _of(op, reader)
    template = op.object
    for key in _TEMPLATES[op.kind.resource]:
        template = template.get(key) or {}
    if template:
        _warn(op, warn, template)


def _of(op: Operation, reader: Reader) -> tuple[Standard, Standard, list[FieldError]]:
    namespace = reader.get("namespaces", "", op.namespace)
    return standards(((namespace or {}).get("metadata") or {}).get("labels"))


def _warn(op: Operation, warn: Standard, pod: Document) -> None:
    found = warn.violations(pod)
    if found:
        op.warnings.append(f'would violate PodSecurity "{warn}": {pod_standards.detail(found)}')


def _is_significant(new: Document, old: Document) -> bool:
    """Whether an update changes containers in a way that matters here: their number or images."""

    def images(pod: Document, field: str) -> list[str]:
        return [c.get("image", "") for c in pod["spec"].get(field) or ()]

    if any(images(new, f) != images(old, f) for f in ("containers", "initContainers")):
        return True
    known = {c["name"]: c.get("image") for c in old["spec"].get("ephemeralContainers") or ()}
    return any(known.get(c["name"]) != c.get("image") for c in new["spec"].get("ephemeralContainers") or ())


def _check_namespace(op: Operation, reader: Reader) -> None:
    new, _, errors = standards(op.object["metadata"].get("labels"))
    old, _, old_errors = standards(((op.old_object or {}).get("metadata") or {}).get("labels"))
    if errors and (op.old_object is None or errors != old_errors):
        raise Invalid.of("Namespace", op.object["metadata"]["name"], errors)
    if op.old_object is None or new == old or new.level == "privileged":
        return
    if new.version == old.version and _LEVELS.index(new.level) <= _LEVELS.index(old.level):
        return
    op.warnings.extend(_warnings_of_existing(op.object["metadata"]["name"], new, reader))


def _warnings_of_existing(namespace: str, standard: Standard, reader: Reader) -> list[str]:
    pods = reader.list("pods", namespace)
    by_reason: dict[str, list[str]] = {}
    for pod in pods[:_MOST_PODS]:
        found = standard.violations(pod)
        if found:
            by_reason.setdefault(", ".join(r for r, _ in found), []).append(pod["metadata"]["name"])
    warnings = []
    if len(pods) > _MOST_PODS:
        warnings.append(
            f"new PodSecurity enforce level only checked against the first {_MOST_PODS} of {len(pods)} existing pods"
        )
    if by_reason:
        warnings.append(
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{standard}"'
        )
    return warnings + sorted(f"{_who(names)}: {reason}" for reason, names in by_reason.items())


def _who(names: list[str]) -> str:
    """The first by name, and how many others."""
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{min(names)} (and {others} other {'pod' if others == 1 else 'pods'})"


PLUGIN = Plugin(
    "PodSecurity", frozenset({"pods"}), WRITES, frozenset({"", "ephemeralcontainers", "resize"}), validate=_check_pod
)
TEMPLATES = Plugin("PodSecurity", frozenset(_TEMPLATES), WRITES, validate=_warn_of_template)
NAMESPACES = Plugin("PodSecurity", frozenset({"namespaces"}), WRITES, validate=_check_namespace)

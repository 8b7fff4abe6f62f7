"""Jobs."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import invalid, not_supported, required, too_long
from apimachinery.strategies.workloads import CONTROLLER_UID, JOB_NAME
from apimachinery.validation.basics import (
    Document,
    Errors,
    domain_prefixed_path,
    immutable,
    key_path,
    label_selector,
    non_negatives,
    objects,
    same,
    without,
)
from apimachinery.validation.job_policies import failure_policy, replacement_policy, success_policy
from apimachinery.validation.templates import template
from apimachinery.validation.workloads import parsed

_MOST_PARALLEL = _MOST_FAILED = 100_000


_MANY, _MOST_OF_MANY = 100_000, 10_000


_MANAGED_BY_LIMIT = 63


def job_create(job: Document) -> Errors:
    spec, metadata = job["spec"], job["metadata"]
    errors = _generated_selector(job) + _job_spec_with_selector(spec)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        hostname = f"{metadata.get('name') or ''}-{completions - 1}"
        if names.is_dns1123_label(hostname):
            detail = f"will not able to create pod with invalid DNS label: {hostname}"
            errors.append(invalid("metadata.name", metadata.get("name") or "", detail))
    return errors


def _generated_selector(job: Document) -> Errors:
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    uid, name = metadata.get("uid") or "", metadata.get("name") or ""
    errors = [] if uid else [required("metadata.uid")]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    expected = {"controller-uid": uid, "job-name": name, CONTROLLER_UID: uid, JOB_NAME: name}
    for key, value in expected.items():
        path = key_path("spec.template.metadata.labels", key)
        if key not in labels:
            errors.append(required(path, f"must be '{value}'"))
        elif labels[key] != value:
            errors.append(invalid(path, labels, f"must be '{value}'"))
    selector = parsed(spec["selector"])
    if selector is not None and not selector.matches(expected):
        errors.append(invalid("spec.selector", spec["selector"], "`selector` not auto-generated"))
    return errors


def _job_spec_with_selector(spec: Document) -> Errors:
    errors = job_spec("spec", spec)
    selector = spec.get("selector")
    errors += [required("spec.selector")] if selector is None else label_selector("spec.selector", selector)
    found = parsed(selector)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if found is not None and not found.matches(labels):
        detail = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, detail))
    return errors


_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)


def job_spec(path: str, spec: Document) -> Errors:
    errors = non_negatives(spec, path, *_COUNTS)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.get("managedBy") is not None:
        errors += domain_prefixed_path(f"{path}.managedBy", spec["managedBy"])
        if len(spec["managedBy"]) > _MANAGED_BY_LIMIT:
            errors.append(too_long(f"{path}.managedBy", _MANAGED_BY_LIMIT))
    errors += _completion_mode(path, spec)
    if spec.get("podFailurePolicy") is not None:
        errors += failure_policy(f"{path}.podFailurePolicy", spec)
    if spec.get("successPolicy") is not None:
        errors += success_policy(f"{path}.successPolicy", spec)
    errors += replacement_policy(f"{path}.podReplacementPolicy", spec)
    errors += template(f"{path}.template", spec.get("template") or {})
    return errors + _restart_policy(f"{path}.template.spec.restartPolicy", spec)


def _completion_mode(path: str, spec: Document) -> Errors:
    mode = spec.get("completionMode")
    errors: Errors = []
    if mode not in (None, "NonIndexed", "Indexed"):
        errors.append(not_supported(f"{path}.completionMode", mode, ["NonIndexed", "Indexed"]))
    if mode == "Indexed":
        errors += _indexed(path, spec)
    elif mode in (None, "NonIndexed"):
        errors += [
            invalid(f"{path}.{field}", spec[field], "requires indexed completion mode")
            for field in ("backoffLimitPerIndex", "maxFailedIndexes")
            if spec.get(field) is not None
        ]
    return errors


def _indexed(path: str, spec: Document) -> Errors:
    completions, parallelism = spec.get("completions"), spec.get("parallelism") or 0
    failed = spec.get("maxFailedIndexes")
    errors: Errors = []
    if completions is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism > _MOST_PARALLEL:
        detail = f"must be less than or equal to {_MOST_PARALLEL} when completion mode is Indexed"
        errors.append(invalid(f"{path}.parallelism", parallelism, detail))
    if completions is not None and failed is not None and failed > completions:
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions"))
    if failed is not None and failed > _MOST_FAILED:
        detail = f"must be less than or equal to {_MOST_FAILED}"
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, detail))
    if (completions or 0) > _MANY and spec.get("backoffLimitPerIndex") is not None:
        errors += _many_indexes(path, parallelism, failed)
    return errors


def _many_indexes(path: str, parallelism: int, failed: int | None) -> Errors:
    detail = (
        f"must be less than or equal to {_MOST_OF_MANY} when completions are above {_MANY} and used with backoff "
        "limit per index"
    )
    errors: Errors = []
    if failed is None:
        said = f"must be specified when completions is above {_MANY}"
        errors.append(required(f"{path}.maxFailedIndexes", said))
    if parallelism > _MOST_OF_MANY:
        errors.append(invalid(f"{path}.parallelism", parallelism, detail))
    if failed is not None and failed > _MOST_OF_MANY:
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, detail))
    return errors


def _restart_policy(path: str, spec: Document) -> Errors:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, policy, ["OnFailure", "Never"])]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def job_update(new: Document, old: Document) -> Errors:
    spec, before = new["spec"], old["spec"]
    errors = _job_spec_with_selector(spec) + _completions_update(spec, before)
    errors += immutable("spec.selector", spec.get("selector"), before.get("selector"))
    errors += _template_update(new, old)
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        errors += immutable(f"spec.{field}", spec.get(field), before.get(field))
    return errors


def _completions_update(spec: Document, before: Document) -> Errors:
    completions = spec.get("completions")
    if spec.get("completionMode") != "Indexed":
        return immutable("spec.completions", completions, before.get("completions"))
    if completions in (None, before.get("completions"), spec.get("parallelism")):
        return []
    detail = "can only be modified in tandem with spec.parallelism"
    return [invalid("spec.completions", completions, detail)]


_STEERING = ("nodeSelector", "tolerations", "schedulingGates")


def _template_update(new: Document, old: Document) -> Errors:
    """A job that is suspended and whose pods are gone may be steered and resized."""
    given, before = (o["spec"].get("template") or {} for o in (new, old))
    if not _may_change_template(old):
        return immutable("spec.template", given, before)
    changed = same(_unsteered(given), _unsteered(before))
    if changed:
        return []
    return [invalid("spec.template.spec", given.get("spec"), "field is immutable")]


def _may_change_template(old: Document) -> bool:
    status, spec = old.get("status") or {}, old["spec"]
    if not spec.get("suspend"):
        return False
    suspended = any(c.get("type") == "Suspended" and c.get("status") == "True" for c in objects(status, "conditions"))
    return not status.get("active") and (status.get("startTime") is None or suspended)


def _unsteered(template_: Document) -> Document:
    """A template without what may change: where pods go, and what their containers get."""
    spec = without(template_.get("spec"), *_STEERING)
    affinity = without(spec.get("affinity"), "nodeAffinity")
    for kind in ("containers", "initContainers"):
        if spec.get(kind):
            spec[kind] = [without(container, "resources") for container in spec[kind]]
    return {
        **without(template_, "metadata"),
        "metadata": without(template_.get("metadata"), "labels", "annotations"),
        "spec": {**spec, "affinity": affinity},
    }

"""StatefulSets."""

from __future__ import annotations

from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    at_most_all,
    count_or_percent,
    dns_label,
    int_or_percent,
    non_negative,
    non_negatives,
    objects,
    one_of,
    same,
    without,
)
from apimachinery.validation.claims import spec as claim_spec
from apimachinery.validation.templates import template
from apimachinery.validation.workloads import always, mismatch, parsed, strict_selector


def create(obj: Document) -> Errors:
    spec = obj["spec"]
    errors = _stateful_policies(spec)
    for index, claim in enumerate(objects(spec, "volumeClaimTemplates")):
        errors += claim_spec(f"spec.volumeClaimTemplates[{index}].spec", claim.get("spec") or {})
    errors += _stateful_spec(spec)
    if spec.get("serviceName"):
        errors += dns_label("spec.serviceName", spec["serviceName"])
    return errors


def update(new: Document, old: Document) -> Errors:
    """Names that were once allowed are let be; of the spec, only some fields may change."""
    spec, before = new["spec"], old["spec"]
    errors = _stateful_policies(spec) + _stateful_spec(spec)
    if not same(without(spec, *_MUTABLE), without(before, *_MUTABLE)):
        said = (
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
            "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        )
        errors.append(forbidden("spec", said))
    return errors


_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _stateful_policies(spec: Document) -> Errors:
    management = spec.get("podManagementPolicy") or ""
    errors: Errors = []
    if not management:
        errors.append(required("spec.podManagementPolicy"))
    elif management not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", management, "must be 'OrderedReady' or 'Parallel'"))
    errors += _stateful_strategy(spec.get("updateStrategy") or {})
    for field, value in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        errors += one_of(f"spec.persistentVolumeClaimRetentionPolicy.{field}", value, ("Retain", "Delete"))
    return errors


def _stateful_strategy(strategy: Document) -> Errors:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    path = "spec.updateStrategy"
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        detail = "only allowed for updateStrategy 'RollingUpdate'"
        return [] if rolling is None else [invalid(f"{path}.rollingUpdate", rolling, detail)]
    if kind != "RollingUpdate":
        return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")]
    if rolling is None:
        return []
    errors = non_negative(f"{path}.rollingUpdate.partition", rolling.get("partition"))
    unavailable = rolling.get("maxUnavailable")
    if unavailable is not None:
        where = f"{path}.rollingUpdate.maxUnavailable"
        errors += int_or_percent(where, unavailable)
        if count_or_percent(unavailable) == 0:
            errors.append(invalid(where, unavailable, "cannot be 0"))
        errors += at_most_all(where, unavailable)
    return errors


def _stateful_spec(spec: Document) -> Errors:
    errors = non_negatives(spec, "spec", "replicas", "minReadySeconds")
    errors += non_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"))
    errors += strict_selector("spec.selector", spec.get("selector"), "statefulset")
    selector = parsed(spec.get("selector"))
    given = spec.get("template") or {}
    if selector is None:
        errors.append(invalid("spec.selector", spec.get("selector"), ""))
    else:
        errors += mismatch("spec.template", selector, given)
        errors += template("spec.template", _as_run(given, objects(spec, "volumeClaimTemplates")))
    return errors + always("spec.template", given, "StatefulSet")


def _as_run(given: Document, claims: list[Document]) -> Document:
    """The template with the volumes that claims add, without the names that the controller overwrites."""
    spec = without(given.get("spec"), "hostname", "subdomain")
    added = {}
    for claim in claims:
        name = (claim.get("metadata") or {}).get("name")
        added[name] = {"name": name, "persistentVolumeClaim": {"claimName": name}}
    if added:
        spec["volumes"] = [*added.values(), *(v for v in objects(spec, "volumes") if v.get("name") not in added)]
    return {**given, "spec": spec}

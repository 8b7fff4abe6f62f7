"""Pods: what may be created, and what of it may change."""

from __future__ import annotations

import json

from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.annotations import (
    MIRROR,
    matching_profiles,
    pod_annotations,
    pod_annotations_update,
)
from apimachinery.validation.basics import (
    INT32_MAX,
    Document,
    Errors,
    in_range,
    objects,
    same,
    without,
)
from apimachinery.validation.containers import image_spacing
from apimachinery.validation.differences import diff
from apimachinery.validation.gated_pods import gated_changes
from apimachinery.validation.pod_spec import pod_spec
from apimachinery.validation.scheduling import tolerations

_UPDATABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)


def create(pod: Document) -> Errors:
    spec = pod["spec"]
    errors = whole(pod)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors + matching_profiles("spec", pod["metadata"].get("annotations") or {}, spec)


def whole(pod: Document) -> Errors:
    """What holds for a pod at any time."""
    metadata, spec = pod["metadata"], pod["spec"]
    annotations = metadata.get("annotations") or {}
    errors = pod_annotations("metadata.annotations", annotations, spec)
    errors += pod_spec("spec", spec, metadata.get("name") or "", in_pod=True)
    if annotations.get(MIRROR) is not None and spec.get("resourceClaims"):
        errors.append(forbidden("[]", "static pods do not support resource claims"))
    if not spec.get("serviceAccountName"):
        errors += _tokens(spec)
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(objects(spec, kind)):
            errors += image_spacing(f"spec.{kind}[{index}]", container)
    return errors


def _tokens(spec: Document) -> Errors:
    detail = "must not be specified when serviceAccountName is not set"
    return [
        forbidden(f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken", detail)
        for index, volume in enumerate(objects(spec, "volumes"))
        for number, source in enumerate(objects(volume.get("projected"), "sources"))
        if source.get("serviceAccountToken") is not None
    ]


def update(new: Document, old: Document) -> Errors:
    errors = whole(new) + _annotations_update(new, old)
    spec, before = new["spec"], old["spec"]
    for kind in ("containers", "initContainers"):
        listed, known = objects(spec, kind), objects(before, kind)
        if len(listed) != len(known):
            return [*errors, forbidden(f"spec.{kind}", "pod updates may not add or remove containers")]
        errors += [required(f"spec.{kind}[{i}].image") for i, c in enumerate(listed) if not c.get("image")]
    deadline = _deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    if deadline and spec.get("activeDeadlineSeconds") is not None:
        return errors + deadline
    errors += deadline + _only_added_tolerations(spec, before) + _only_deleted_gates(spec, before)
    if same(spec, before):
        return errors
    errors += gated_changes(spec, before)
    munged = _put_back(spec, before)
    if not same(munged, before):
        detail = f"pod updates may not change fields other than {_UPDATABLE}\n{diff(before, munged)}"
        errors.append(forbidden("spec", detail))
    return errors


def _annotations_update(new: Document, old: Document) -> Errors:
    given, before = (o["metadata"].get("annotations") or {} for o in (new, old))
    return pod_annotations_update("metadata.annotations", given, before)


def _deadline(value: int | None, before: int | None) -> Errors:
    path = "spec.activeDeadlineSeconds"
    if value is None:
        detail = "must not update from a positive integer to nil value"
        return [] if before is None else [invalid(path, None, detail)]
    errors = in_range(path, value, 0, INT32_MAX)
    if not errors and before is not None and before < value:
        errors.append(invalid(path, value, "must be less than or equal to previous value"))
    return errors


def _only_added_tolerations(spec: Document, before: Document) -> Errors:
    given = [without(t, "tolerationSeconds") for t in objects(spec, "tolerations")]
    for toleration in objects(before, "tolerations"):
        if without(toleration, "tolerationSeconds") not in given:
            detail = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden("spec.tolerations", detail)]
    return tolerations("spec.tolerations", objects(spec, "tolerations"))


def _only_deleted_gates(spec: Document, before: Document) -> Errors:
    known = {gate.get("name") for gate in objects(before, "schedulingGates")}
    return [
        forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'",
        )
        for index, gate in enumerate(objects(spec, "schedulingGates"))
        if gate.get("name") not in known
    ]


def _put_back(spec: Document, before: Document) -> Document:
    """The new spec with the old values of what may change (or has been judged already)."""
    munged = dict(spec)
    for kind in ("containers", "initContainers"):
        if spec.get(kind):
            pairs = zip(spec[kind], before[kind], strict=True)
            munged[kind] = [{**new, "image": old.get("image")} for new, old in pairs]
    fields = ["activeDeadlineSeconds", "schedulingGates", "tolerations"]
    grace = before.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        fields.append("terminationGracePeriodSeconds")
    if before.get("schedulingGates"):
        fields.append("nodeSelector")
        affinity = dict(spec.get("affinity") or {})
        _take(affinity, before.get("affinity") or {}, "nodeAffinity")
        munged["affinity"] = affinity
    for field in fields:
        _take(munged, before, field)
    return munged


def _take(target: Document, source: Document, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def ephemeral_update(new: Document, old: Document) -> Errors:
    """The ephemeralcontainers subresource: more may come, none may change or go."""
    if (old["metadata"].get("annotations") or {}).get(MIRROR) is not None:
        return [forbidden("[]", "static pods do not support ephemeral containers")]
    errors = whole(new) + _annotations_update(new, old)
    given = {c.get("name"): c for c in objects(new["spec"], "ephemeralContainers")}
    for container in objects(old["spec"], "ephemeralContainers"):
        name = json.dumps(container.get("name") or "")
        found = given.get(container.get("name"))
        if found is None:
            detail = f"existing ephemeral containers {name} may not be removed\n"
            errors.append(forbidden("spec.ephemeralContainers", detail))
        elif not same(found, container):
            detail = f"existing ephemeral containers {name} may not be changed\n{diff(container, found)}"
            errors.append(forbidden("spec.ephemeralContainers", detail))
    return errors

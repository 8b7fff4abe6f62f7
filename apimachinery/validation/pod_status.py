"""What a kubelet may say of a pod, and how resources of a running one may change."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid
from apimachinery.strategies.qos import qos_class
from apimachinery.validation import addresses
from apimachinery.validation.annotations import MIRROR, pod_annotations, pod_annotations_update
from apimachinery.validation.basics import (
    Document,
    Errors,
    immutable,
    named,
    objects,
    qualified_name,
    same,
    without,
)
from apimachinery.validation.pods import whole

_OWN_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_RESTARTED = "may not be transitioned to non-terminated state"


def update(new: Document, old: Document) -> Errors:
    status, before = new.get("status") or {}, old.get("status") or {}
    given, known = (o["metadata"].get("annotations") or {} for o in (new, old))
    errors = pod_annotations_update("metadata.annotations", given, known)
    errors += pod_annotations("metadata.annotations", given, new["spec"])
    for index, condition in enumerate(objects(status, "conditions")):
        if condition.get("type") not in _OWN_CONDITIONS:
            errors += qualified_name(f"status.conditions[{index}].Type", condition.get("type") or "")
    errors += _nominated(status, before, old["spec"])
    errors += immutable("status.qosClass", status.get("qosClass"), before.get("qosClass"))
    errors += _transitions(status, before, old["spec"])
    return errors + _ips(status, before, "podIPs") + _host_ips(status, before)


def _nominated(status: Document, before: Document, spec: Document) -> Errors:
    path, node = "status.nominatedNodeName", status.get("nominatedNodeName") or ""
    if not node or node == before.get("nominatedNodeName"):
        return []
    errors = named(path, node, names.is_dns1123_subdomain)
    if spec.get("nodeName"):
        errors.append(forbidden(path, "may not be set on pods that are already bound to a node"))
    return errors


def _transitions(status: Document, before: Document, spec: Document) -> Errors:
    """A container that ended runs again only where its restart policy says so."""
    errors: Errors = []
    anything = any(
        rule.get("action") == "RestartAllContainers"
        for kind in ("containers", "initContainers")
        for container in objects(spec, kind)
        for rule in objects(container, "restartPolicyRules")
    )
    for field, kind in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        declared = {c.get("name"): c for c in objects(spec, kind)}
        for index in () if anything else _revived(status, before, field):
            known = objects(before, field)[index]
            container = declared.get(known.get("name"))
            code = known["state"]["terminated"].get("exitCode") or 0
            if container is None or not _restarts(container, spec, code, kind):
                errors.append(forbidden(f"status.{field}[{index}].state", _RESTARTED))
    field = "ephemeralContainerStatuses"
    for index in _revived(status, before, field):
        errors.append(forbidden(f"status.{field}[{index}].state", _RESTARTED))
    return errors


def _revived(status: Document, before: Document, field: str) -> list[int]:
    """Indices of the old statuses whose containers were terminated and are not any more."""
    alive = {s.get("name") for s in objects(status, field) if (s.get("state") or {}).get("terminated") is None}
    return [
        index
        for index, known in enumerate(objects(before, field))
        if (known.get("state") or {}).get("terminated") is not None and known.get("name") in alive
    ]


def _restarts(container: Document, spec: Document, code: int, kind: str) -> bool:
    for rule in objects(container, "restartPolicyRules"):
        codes = rule.get("exitCodes") or {}
        listed = code in (codes.get("values") or ())
        if (codes.get("operator") == "In" and listed) or (codes.get("operator") == "NotIn" and not listed):
            return True
    own = container.get("restartPolicy")
    policy = own or spec.get("restartPolicy")
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _ips(status: Document, before: Document, field: str) -> Errors:
    path, listed = f"status.{field}", [each.get("ip") or "" for each in objects(status, field)]
    known = [each.get("ip") or "" for each in objects(before, field)]
    errors = [e for i, text in enumerate(listed) for e in addresses.ip(f"{path}[{i}]", text, known)]
    if not errors and len(listed) > 1 and (len(listed) > 2 or not addresses.is_dual_stack(listed)):
        detail = "may specify no more than one IP for each IP family"
        errors.append(invalid(path, objects(status, field), detail))
    return errors


def _host_ips(status: Document, before: Document) -> Errors:
    listed = objects(status, "hostIPs")
    if not listed:
        return []
    errors: Errors = []
    if listed[0].get("ip") != status.get("hostIP"):
        detail = "must be equal to `hostIP`"
        errors.append(invalid("status.hostIPs[0].ip", listed[0].get("ip") or "", detail))
    return errors + _ips(status, before, "hostIPs")


_RESIZABLE = ("cpu", "memory")


def resize_update(new: Document, old: Document) -> Errors:
    """The resize subresource."""
    spec, before = new["spec"], old["spec"]
    if (old["metadata"].get("annotations") or {}).get(MIRROR) is not None:
        return [forbidden("[]", "static pods cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("[]", "windows pods cannot be resized")]
    errors = whole(new)
    quality = (old.get("status") or {}).get("qosClass") or qos_class(before)
    if qos_class(spec) != quality:
        detail = "Pod QOS Class may not change as a result of resizing"
        errors.append(invalid("spec", (new.get("status") or {}).get("qosClass") or "", detail))
    errors += _pod_resize(spec, before)
    for kind in ("initContainers", "containers"):
        errors += _containers_resize(kind, spec, before)
    kept = without(spec, "containers", "initContainers", "resources")
    if not errors and not same(kept, without(before, "containers", "initContainers", "resources")):
        errors.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return errors


def _pod_resize(spec: Document, before: Document) -> Errors:
    given, known = spec.get("resources"), before.get("resources")
    if known is not None and given is None:
        return [forbidden("spec.resources", "pod-level resources cannot be removed")]
    errors = [
        forbidden(f"spec.resources.{kind}", f"pod-level resource {kind} cannot be removed")
        for kind in ("requests", "limits")
        if _removed(given, known, kind)
    ]
    if not same(_unresizable(given), _unresizable(known)):
        errors.append(forbidden("spec", "only cpu and memory resources are mutable at pod-level"))
    return errors


def _containers_resize(kind: str, spec: Document, before: Document) -> Errors:
    listed, known = objects(spec, kind), objects(before, kind)
    if len(listed) != len(known):
        return [forbidden(f"spec.{kind}", f"{kind} may not be added or removed on resize")]
    errors: Errors = []
    for index, (container, old) in enumerate(zip(listed, known, strict=True)):
        path = f"spec.{kind}[{index}]"
        if container.get("name") != old.get("name"):
            errors.append(forbidden(f"{path}.name", f"{kind} may not be renamed or reordered on resize"))
            continue
        given, had = container.get("resources"), old.get("resources")
        errors += [
            forbidden(f"{path}.resources.{which}", f"resource {which} cannot be removed")
            for which in ("requests", "limits")
            if _removed(given, had, which)
        ]
        if not same(_unresizable(given), _unresizable(had)) or not same(
            without(container, "resources"), without(old, "resources")
        ):
            errors.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return errors


def _removed(given: Document | None, known: Document | None, kind: str) -> bool:
    return bool({*((known or {}).get(kind) or ())} - {*((given or {}).get(kind) or ())})


def _unresizable(resources: Document | None) -> Document:
    given = resources or {}
    return {
        **given,
        **{kind: without(given.get(kind), *_RESIZABLE) for kind in ("limits", "requests")},
    }

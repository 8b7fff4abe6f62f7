"""What to send to pods/status: only what changed, as a strategic merge patch that leaves others' conditions alone."""

from __future__ import annotations

from kubelet.pods.conditions import BY_KUBELET, OWNED, RESIZES
from kubelet.pods.documents import Document

OURS = (
    "phase", "reason", "message", "conditions", "startTime", "qosClass", "hostIP", "hostIPs", "podIP", "podIPs",
    "containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses", "observedGeneration",
    "allocatedResources", "resources",
)  # fmt: skip
_KEYED = {"hostIPs": "ip", "podIPs": "ip"}


def status_patch(uid: str, old: Document, new: Document) -> Document | None:
    """None where nothing changed. ``old`` is what the API server has; fields that are not ours are left alone."""
    changed: Document = {}
    for field in OURS:
        before, after = old.get(field), new.get(field)
        if before == after:
            continue
        if field == "conditions":
            if (list_ := _conditions(before or [], after or [])) is not None:
                changed[field] = list_
        elif field in _KEYED and before:
            changed[field] = [{"$patch": "replace"}, *(after or [])]
        else:
            changed[field] = after
    if not changed:
        return None
    # The uid makes the patch fail on a pod of the same name that came after this one.
    return {"metadata": {"uid": uid}, "status": changed}


def urgent(old: Document, new: Document) -> bool:
    """Whether someone waits for this: a phase, readiness or a container's state other than waiting to be created."""
    if old.get("phase") != new.get("phase") and new.get("phase") != "Pending":
        return True
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        before = {s["name"]: s for s in old.get(field) or ()}
        for status in new.get(field) or ():
            earlier = before.get(status["name"])
            if status == earlier:
                continue
            fresh = (status["state"].get("waiting") or {}).get("reason") in ("ContainerCreating", "PodInitializing")
            if earlier is not None or not fresh:
                return True
    return _ready(old) != _ready(new)


def _ready(status: Document) -> str:
    found = (c.get("status", "") for c in status.get("conditions") or () if c["type"] == "Ready")
    return next(found, "False")


def _conditions(before: list[Document], after: list[Document]) -> list[Document] | None:
    known = {c["type"]: c for c in before}
    ours = (c for c in after if c["type"] in (*OWNED, *RESIZES) or c.get("reason") == BY_KUBELET)
    changed = [c for c in ours if c != known.get(c["type"])]
    patched = []
    for condition in changed:
        gone = {k: None for k in known.get(condition["type"], {}) if k not in condition}
        patched.append({**condition, **gone})
    over = [kind for kind in RESIZES if kind in known and not any(c["type"] == kind for c in after)]
    patched += [{"$patch": "delete", "type": kind} for kind in over]
    return patched or None

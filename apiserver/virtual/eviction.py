"""pods/eviction: delete a pod as far as its disruption budget allows.

Source of meaning and wording: pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from copy import deepcopy

from apimachinery.errors import BadRequest, Conflict, Forbidden, TooManyRequests
from apimachinery.kinds import named
from apimachinery.selectors import from_document
from apiserver.admission.node_restriction import check_eviction
from apiserver.registry.api import ListOptions
from apiserver.virtual import documents
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document

_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
_MOST_DISRUPTED = 2000
_RETRY_SECONDS = 10
_TRIES = 20
_TARGET = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}


async def evict(call: Call) -> tuple[int, Document]:
    eviction = documents.namespaced_body(call)
    if (eviction["metadata"].get("name") or "") != call.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    options = eviction.get("deleteOptions") or {}
    if options.get("dryRun"):
        call.options.dry_run = True
    # Webhooks and policies have judged the eviction; what it is made of is not shown to them.
    call.options.judged = True
    pinned = bool((options.get("preconditions") or {}).get("resourceVersion"))
    for attempt in range(_TRIES):
        try:
            return await _evict(call, options)
        except Conflict:
            if pinned or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _evict(call: Call, options: Document) -> tuple[int, Document]:
    pod = call.registry.get(call.kind, call.namespace, call.name).object
    check_eviction(call.options.user, pod)
    if _is_over(pod):
        await _delete(call, options, pod, pin=(pod.get("status") or {}).get("phase") == "Pending")
        return documents.success(201)
    budgets = await _budgets(call, pod)
    if len(budgets) > 1:
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        return 500, {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": text,
            "code": 500,
        }
    pin = False
    if budgets:
        pin = not _is_ready(pod) and _lets_unready_go(budgets[0])
        if not pin:
            await _take_one(call, budgets[0]["metadata"]["name"])
    try:
        await _delete(call, options, pod, pin=pin)
    except Conflict:
        if pin:
            raise _busy(budgets[0]["metadata"]["name"]) from None
        raise
    return documents.success(201)


def _is_over(pod: Document) -> bool:
    """Whether no budget protects the pod: it has ended, is going, or has never run."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _is_ready(pod: Document) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _lets_unready_go(budget: Document) -> bool:
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return 0 < desired <= status.get("currentHealthy", 0)


async def _budgets(call: Call, pod: Document) -> list[Document]:
    listed = await call.registry.list(named("poddisruptionbudgets.policy"), call.namespace, ListOptions())
    labels = pod["metadata"].get("labels") or {}
    return [e.object for e in listed.entries if _selects(e.object, labels)]


def _selects(budget: Document, labels: dict[str, str]) -> bool:
    try:
        return from_document((budget.get("spec") or {}).get("selector")).matches(labels)
    except ValueError:
        return False


async def _take_one(call: Call, name: str) -> None:
    """Lower the budget by this pod; TooManyRequests where it does not allow it."""
    moment = documents.now()

    def change(budget: Document) -> Document | None:
        _check_budget(budget)
        if call.options.dry_run:
            return None
        status = budget["status"]
        status["disruptionsAllowed"] -= 1
        if not status["disruptionsAllowed"]:
            _set_insufficient(budget, moment)
        status["disruptedPods"] = {**(status.get("disruptedPods") or {}), call.name: moment}
        return budget

    kind = named("poddisruptionbudgets.policy")
    await call.registry.modify(kind, call.namespace, name, change, call.options, subresource="status")


def _check_budget(budget: Document) -> None:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _busy(name)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise Forbidden.of("poddisruptionbudget", name, "pdb disruptions allowed is negative", group="policy")
    if len(status.get("disruptedPods") or ()) > _MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise Forbidden.of("poddisruptionbudget", name, why, group="policy")
    if allowed == 0:
        raise TooManyRequests(_VIOLATES, causes=[_cause(_why_not(name, status))])


def _why_not(name: str, status: Document) -> str:
    found = next((c for c in status.get("conditions") or () if c["type"] == "DisruptionAllowed"), {})
    said = found.get("message", "") if found.get("status") == "False" else ""
    none = f"The disruption budget {name} does not allow evicting pods currently"
    current, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if said and found.get("reason") == "SyncFailed":
        return f"{none} because it failed sync: {said}"
    if current <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"
    return f"{none} ({found.get('reason', '')}): {said}" if said else none


def _busy(name: str) -> TooManyRequests:
    text = f"The disruption budget {name} is still being processed by the server."
    return TooManyRequests(_VIOLATES, causes=[_cause(text)], retry_after_seconds=_RETRY_SECONDS)


def _cause(message: str) -> dict[str, str]:
    return {"reason": "DisruptionBudget", "message": message}


def _set_insufficient(budget: Document, moment: str) -> None:
    condition = {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "InsufficientPods",
        "message": "",
        "observedGeneration": budget["metadata"].get("generation", 0),
    }
    documents.set_condition(budget["status"], condition, moment)


async def _delete(call: Call, options: Document, pod: Document, *, pin: bool) -> None:
    """Mark the pod as disrupted and delete it. ``pin``: only this very revision of it."""
    options = deepcopy(options)
    preconditions = options.get("preconditions") or {}
    moment = documents.now()
    seen = pod["metadata"]["resourceVersion"] if pin else ""

    def mark(current: Document) -> Document:
        metadata = current["metadata"]
        for field, title, wanted in (
            ("uid", "UID", preconditions.get("uid")),
            ("resourceVersion", "ResourceVersion", preconditions.get("resourceVersion") or seen),
        ):
            if wanted and wanted != metadata[field]:
                raise Conflict.of("Pod", metadata["name"], _differs(title, wanted, metadata[field]))
        documents.set_condition(current.setdefault("status", {}), _TARGET, moment)
        return current

    if not call.options.dry_run:
        entry = await call.registry.modify(
            call.kind, call.namespace, call.name, mark, call.options, subresource="status"
        )
        if pin or preconditions.get("resourceVersion"):
            options["preconditions"] = {**preconditions, "resourceVersion": str(entry.revision)}
    await call.registry.delete(call.kind, call.namespace, call.name, options, call.options)


def _differs(title: str, wanted: str, found: str) -> str:
    then = "deleted and then recreated" if title == "UID" else "modified"
    return (
        f"the {title} in the precondition ({wanted}) does not match the {title} in record ({found}). The object might "
        f"have been {then}"
    )

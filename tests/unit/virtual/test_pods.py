from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import BadRequest, Conflict, Forbidden, TooManyRequests
from apiserver.context import UserInfo
from tests.support.calls import call
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
PDBS = "poddisruptionbudgets.policy"


def pod(*, node: str = "", phase: str = "Running", ready: bool = True, **spec: Any) -> Document:
    conditions = [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "t"}]
    made: Document = {
        "metadata": {"name": "p", "namespace": "n", "labels": {"app": "a"}},
        "spec": dict(spec),
        "status": {"phase": phase, "conditions": conditions},
    }
    if node:
        made["spec"]["nodeName"] = node
    return made


def budget(name: str = "b", **status: Any) -> Document:
    spec = {"selector": {"matchLabels": {"app": "a"}}}
    return {"metadata": {"name": name, "namespace": "n", "generation": 1}, "spec": spec,
            "status": {"observedGeneration": 1, **status}}  # fmt: skip


async def bind(registry: MemoryRegistry, target: Document | None = None, **metadata: Any) -> tuple[int, Document]:
    body = {"metadata": {"name": "p", **metadata}, "target": target or {"kind": "Node", "name": "one"}}
    return await call("pods", body, subresource="binding", namespace="n", name="p", registry=registry)


async def test_a_binding_sets_node_and_condition() -> None:
    registry = MemoryRegistry(("pods", pod()))
    code, status = await bind(registry, annotations={"a": "b"})
    assert (code, status["status"]) == (201, "Success")
    found = registry.find("pods", "n", "p")
    assert found is not None and found["spec"]["nodeName"] == "one"
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert [(c["type"], c["status"]) for c in found["status"]["conditions"]][-1] == ("PodScheduled", "True")


async def test_bindings_of_the_collection_name_their_pod() -> None:
    registry = MemoryRegistry(("pods", pod()))
    await call("bindings", {"metadata": {"name": "p"}, "target": {"name": "one"}}, namespace="n", registry=registry)
    assert registry.find("pods", "n", "p")["spec"]["nodeName"] == "one"  # type: ignore[index]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (pod(node="two"), 'pod p is already assigned to node "two"'),
        (pod(schedulingGates=[{"name": "g"}]), "pod p has non-empty .spec.schedulingGates"),
    ],
)
async def test_a_pod_that_cannot_be_bound_is_a_conflict(found: Document, why: str) -> None:
    with pytest.raises(Conflict) as error:
        await bind(MemoryRegistry(("pods", found)))
    assert error.value.message == f'Operation cannot be fulfilled on pods/binding "p": {why}'


async def test_a_binding_holds_for_the_pod_that_it_means() -> None:
    with pytest.raises(Conflict, match="UID in precondition: other, UID in object meta: uid-p"):
        await bind(MemoryRegistry(("pods", pod())), uid="other")
    with pytest.raises(BadRequest, match=r'target.kind: Unsupported value: "Pod"'):
        await bind(MemoryRegistry(("pods", pod())), {"kind": "Pod", "name": "x"})


async def evict(registry: MemoryRegistry, *, user: UserInfo | None = None, **options: Any) -> tuple[int, Document]:
    body = {"metadata": {"name": "p"}, "deleteOptions": options}
    return await call("pods", body, subresource="eviction", namespace="n", name="p", registry=registry, user=user)


def is_gone(registry: MemoryRegistry) -> bool:
    return registry.find("pods", "n", "p") is None


async def test_a_pod_without_a_budget_is_marked_and_deleted() -> None:
    registry = MemoryRegistry(("pods", pod()))
    code, status = await evict(registry)
    assert (code, status["status"]) == (201, "Success")
    assert registry.writes == [("update", "pods", "p"), ("delete", "pods", "p")]


async def test_a_budget_is_lowered_by_the_pod() -> None:
    allowing = budget(disruptionsAllowed=1, currentHealthy=2, desiredHealthy=1)
    registry = MemoryRegistry(("pods", pod()), (PDBS, allowing))
    await evict(registry)
    status = registry.find(PDBS, "n", "b")["status"]  # type: ignore[index]
    assert status["disruptionsAllowed"] == 0 and list(status["disruptedPods"]) == ["p"]
    assert status["conditions"][0]["reason"] == "InsufficientPods"
    assert is_gone(registry)


async def test_a_budget_that_is_used_up_keeps_the_pod() -> None:
    exhausted = budget(disruptionsAllowed=0, currentHealthy=1, desiredHealthy=1)
    registry = MemoryRegistry(("pods", pod()), (PDBS, exhausted))
    with pytest.raises(TooManyRequests) as error:
        await evict(registry)
    assert error.value.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert error.value.causes == [
        {"reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently"}
    ]
    assert not is_gone(registry)


async def test_a_budget_that_was_just_made_is_asked_again_later() -> None:
    unseen = budget(observedGeneration=0)
    with pytest.raises(TooManyRequests) as error:
        await evict(MemoryRegistry(("pods", pod()), (PDBS, unseen)))
    assert error.value.retry_after_seconds == 10


async def test_budgets_protect_neither_pods_that_never_ran_nor_unready_ones_of_a_healthy_application() -> None:
    exhausted = budget(disruptionsAllowed=0, currentHealthy=1, desiredHealthy=1)
    for found in (pod(phase="Pending"), pod(phase="Failed"), pod(ready=False)):
        registry = MemoryRegistry(("pods", found), (PDBS, exhausted))
        await evict(registry)
        assert is_gone(registry)


async def test_two_budgets_of_one_pod_are_refused() -> None:
    registry = MemoryRegistry(("pods", pod()), (PDBS, budget("b")), (PDBS, budget("c")))
    code, status = await evict(registry)
    assert code == 500 and status["message"].startswith("This pod has more than one PodDisruptionBudget")


async def test_a_dry_run_evicts_nobody() -> None:
    registry = MemoryRegistry(("pods", pod()), (PDBS, budget(disruptionsAllowed=1)))
    await evict(registry, dryRun=["All"])
    assert registry.writes == []


async def test_a_node_evicts_its_own_pods_only() -> None:
    node = UserInfo("system:node:one", groups=("system:nodes",))
    with pytest.raises(Forbidden, match=r"node one can only evict pods with spec.nodeName set to itself"):
        await evict(MemoryRegistry(("pods", pod(node="two"))), user=node)

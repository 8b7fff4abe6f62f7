"""What becomes of Jobs: policies about failure and success, back-off of single indexes, counting, finalizers."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden
from controllers.workloads import indexes, job_backoff, job_policies, jobs
from tests.unit.controllers.test_workloads import LABELS, condition, job, template
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
BOTH = (jobs.CONTROLLER, jobs.ORPHANS)


def end(world: World, pod: Document, code: int = 0, **status: Any) -> None:
    stamp = world.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    state = {"name": "c", "state": {"terminated": {"finishedAt": stamp, "exitCode": code}}}
    phase = "Failed" if code else "Succeeded"
    world.api.change("pods", pod, status={"phase": phase, "containerStatuses": [state], **status})


def alive(world: World) -> list[Document]:
    return [
        p
        for p in world.api.all("pods")
        if not p["metadata"].get("deletionTimestamp") and not (p.get("status") or {}).get("phase")
    ]


async def let_go(world: World) -> None:
    """What is being deleted ends."""
    await world.settle()
    for pod in world.api.all("pods"):
        if pod["metadata"].get("deletionTimestamp"):
            world.api.vanish("pods", pod)
    await world.settle()


def status(world: World) -> Document:
    return world.api.find("jobs.batch", "j")["status"]


def by_index(world: World) -> dict[int, Document]:
    found = {}
    for pod in alive(world):
        index = indexes.of(pod)
        assert index is not None
        found[index] = pod
    return found


def exits(action: str, *codes: int) -> Document:
    return {"action": action, "onExitCodes": {"operator": "In", "values": list(codes)}}


@pytest.mark.parametrize("mode", MODES)
async def test_a_failure_that_a_policy_calls_fatal_ends_the_job_at_once(mode: str) -> None:
    world = World(BOTH, mode=mode)
    world.api.add("jobs.batch", job(podFailurePolicy={"rules": [exits("FailJob", 42)]}))
    await world.settle()
    first, second = alive(world)
    end(world, first, 42)
    await let_go(world)
    assert [p["metadata"]["name"] for p in world.api.all("pods")] == [first["metadata"]["name"]]
    assert condition(world) == {"FailureTarget": "PodFailurePolicy", "Failed": "PodFailurePolicy"}
    [message] = world.events.messages("PodFailurePolicy")
    name = first["metadata"]["name"]
    assert message == f"Container c for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
    assert status(world)["failed"] == 2
    assert status(world)["uncountedTerminatedPods"] == {}
    assert not world.api.find("pods", name)["metadata"].get("finalizers")
    assert second["metadata"]["name"] not in {p["metadata"]["name"] for p in world.api.all("pods")}


@pytest.mark.parametrize("mode", MODES)
async def test_a_failure_that_a_policy_ignores_is_replaced_and_not_counted(mode: str) -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    world = World(BOTH, mode=mode)
    world.api.add("jobs.batch", job(completions=1, parallelism=1, backoffLimit=0, podFailurePolicy={"rules": [rule]}))
    await world.settle()
    end(world, alive(world)[0], 137, conditions=[{"type": "DisruptionTarget", "status": "True"}])
    await world.advance(11)
    [second] = alive(world)
    end(world, second)
    await world.settle()
    assert condition(world)["Complete"] == "CompletionsReached"
    assert "failed" not in status(world)


@pytest.mark.parametrize("mode", MODES)
async def test_each_index_fails_by_itself_and_the_others_run_to_their_end(mode: str) -> None:
    world = World(BOTH, mode=mode)
    world.api.add(
        "jobs.batch", job(completions=2, completionMode="Indexed", backoffLimitPerIndex=1, backoffLimit=2**31 - 1)
    )
    await world.settle()
    pods = by_index(world)
    assert pods[0]["metadata"]["annotations"][indexes.FAILURES] == "0"
    end(world, pods[0], 1)
    await world.settle()
    # Its finalizer keeps it until another has taken over its count.
    assert world.api.find("pods", pods[0]["metadata"]["name"])["metadata"]["finalizers"] == [jobs.FINALIZER]
    await world.advance(11)
    again = by_index(world)
    assert again[0]["metadata"]["annotations"][indexes.FAILURES] == "1"
    assert not world.api.find("pods", pods[0]["metadata"]["name"])["metadata"].get("finalizers")
    end(world, again[0], 1)
    end(world, again[1])
    await world.settle()
    found = status(world)
    assert (found["failedIndexes"], found["completedIndexes"]) == ("0", "1")
    assert (found["failed"], found["succeeded"]) == (2, 1)
    assert condition(world) == {"FailureTarget": "FailedIndexes", "Failed": "FailedIndexes"}


async def test_a_job_ends_when_too_many_indexes_have_failed() -> None:
    world = World(BOTH)
    spec = {"backoffLimitPerIndex": 0, "maxFailedIndexes": 1, "backoffLimit": 2**31 - 1}
    world.api.add("jobs.batch", job(completions=4, parallelism=4, completionMode="Indexed", **spec))
    await world.settle()
    pods = by_index(world)
    end(world, pods[0], 1)
    end(world, pods[2], 1)
    await let_go(world)
    assert condition(world)["Failed"] == "MaxFailedIndexesExceeded"
    assert status(world)["failedIndexes"] == "0,2"


async def test_a_policy_can_fail_an_index_before_its_limit() -> None:
    world = World(BOTH)
    policy = {"rules": [exits("FailIndex", 3)]}
    spec = {"backoffLimitPerIndex": 5, "podFailurePolicy": policy, "backoffLimit": 2**31 - 1}
    world.api.add("jobs.batch", job(completions=2, completionMode="Indexed", **spec))
    await world.settle()
    end(world, by_index(world)[1], 3)
    await world.settle()
    assert status(world)["failedIndexes"] == "1"
    assert list(by_index(world)) == [0]


@pytest.mark.parametrize("mode", MODES)
async def test_a_job_whose_success_policy_is_met_ends_with_pods_that_still_run(mode: str) -> None:
    world = World(BOTH, mode=mode)
    policy = {"rules": [{"succeededIndexes": "0-2", "succeededCount": 2}]}
    world.api.add("jobs.batch", job(completions=4, parallelism=4, completionMode="Indexed", successPolicy=policy))
    await world.settle()
    pods = by_index(world)
    end(world, pods[3])
    end(world, pods[0])
    await world.settle()
    assert condition(world) == {}
    end(world, pods[2])
    await let_go(world)
    assert condition(world) == {"SuccessCriteriaMet": "SuccessPolicy", "Complete": "SuccessPolicy"}
    found = status(world)
    assert (found["completedIndexes"], found["succeeded"], found["terminating"]) == ("0,2,3", 3, 0)
    assert "failed" not in found


async def test_a_job_is_not_over_before_its_pods_are_gone() -> None:
    world = World(BOTH)
    policy = {"rules": [{"succeededCount": 1}]}
    world.api.add("jobs.batch", job(completions=2, completionMode="Indexed", successPolicy=policy))
    await world.settle()
    pods = by_index(world)
    world.run_pods()
    end(world, pods[0])
    await world.settle()
    assert condition(world) == {"SuccessCriteriaMet": "SuccessPolicy"}
    assert (status(world).get("active"), status(world)["terminating"]) == (None, 1)
    await let_go(world)
    assert "Complete" in condition(world)


async def test_an_indexed_job_grows_and_shrinks() -> None:
    world = World(BOTH)
    found = world.api.add("jobs.batch", job(completions=3, parallelism=3, completionMode="Indexed"))
    await world.settle()
    end(world, by_index(world)[2])
    await world.settle()
    spec = {**found["spec"], "completions": 2, "parallelism": 2}
    world.api.change("jobs.batch", found, spec=spec)
    await world.settle()
    assert "succeeded" not in status(world)
    for pod in by_index(world).values():
        end(world, pod)
    await world.settle()
    assert status(world)["completedIndexes"] == "0,1"
    assert "Complete" in condition(world)


@pytest.mark.parametrize("mode", MODES)
async def test_pods_of_a_job_that_is_gone_are_not_held(mode: str) -> None:
    world = World(BOTH, mode=mode)
    found = world.api.add("jobs.batch", job())
    await world.settle()
    world.api.vanish("jobs.batch", found)
    await world.settle()
    assert [p["metadata"].get("finalizers") for p in world.api.all("pods")] in ([[], []], [None, None])


async def test_what_is_adopted_is_held_and_what_is_released_is_not() -> None:
    world = World(BOTH)
    world.api.add("jobs.batch", job(completions=1, parallelism=1))
    await world.settle()
    [pod] = world.api.all("pods")
    world.api.change("pods", pod, metadata={"labels": {"app": "other"}})
    await world.settle()
    released = world.api.find("pods", pod["metadata"]["name"])["metadata"]
    assert (released.get("ownerReferences") or [], released.get("finalizers") or []) == ([], [])
    orphan = {"metadata": {"name": "o", "labels": LABELS}, "spec": template()["spec"]}
    world.api.add("pods", orphan)
    await world.settle()
    adopted = world.api.find("pods", "o")["metadata"]
    assert adopted["ownerReferences"][0]["name"] == "j"
    assert adopted["finalizers"] == [jobs.FINALIZER]


async def test_a_job_of_another_controller_is_left_alone() -> None:
    world = World(BOTH)
    world.api.add("jobs.batch", job(managedBy="example.com/other"))
    await world.settle()
    assert world.api.all("pods") == []
    assert "status" not in world.api.find("jobs.batch", "j")


async def test_a_job_whose_pods_are_refused_says_that_none_are_active() -> None:
    world = World(BOTH)
    world.api.refuse["create", "pods"] = Forbidden.of("pods", "j-1", "exceeded quota")
    world.api.add("jobs.batch", job())
    await world.settle(within=0.001)
    found = status(world)
    assert "startTime" in found
    assert found.get("active") is None
    assert world.events.messages("FailedCreate")


async def test_restarts_in_place_count_against_the_limit() -> None:
    world = World(BOTH)
    world.api.add(
        "jobs.batch", job(completions=1, parallelism=1, backoffLimit=2, template=template(restartPolicy="OnFailure"))
    )
    await world.settle()
    [pod] = world.api.all("pods")
    world.api.change("pods", pod, status={"phase": "Running", "containerStatuses": [{"name": "c", "restartCount": 2}]})
    await let_go(world)
    assert condition(world)["Failed"] == "BackoffLimitExceeded"


async def test_a_terminating_pod_is_replaced_only_when_it_failed_if_so_asked() -> None:
    world = World(BOTH)
    world.api.add("jobs.batch", job(completions=1, parallelism=1, podReplacementPolicy="Failed"))
    await world.settle()
    [pod] = world.api.all("pods")
    world.api.remove("pods", pod)
    await world.advance(15)
    assert alive(world) == []
    assert status(world)["terminating"] == 1
    end(world, pod, 143)
    await let_go(world)
    await world.advance(11)
    assert len(alive(world)) == 1


def test_a_rule_about_another_container_does_not_match() -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0], "containerName": "d"}}
    found = {"spec": {"podFailurePolicy": {"rules": [rule]}}}
    state = {"name": "c", "state": {"terminated": {"exitCode": 1}}}
    pod = {"metadata": {"name": "p", "namespace": "n"}, "status": {"containerStatuses": [state]}}
    assert job_policies.judge(found, pod) == job_policies.Verdict()
    state["name"] = "d"
    assert job_policies.judge(found, pod).action == "FailJob"


def test_the_back_off_doubles_to_ten_minutes() -> None:
    now = World([]).now()
    waits = [job_backoff.remaining(n, now, now) for n in (0, 1, 2, 3, 7, 100)]
    assert waits == [0, 10, 20, 40, 600, 600]

"""DaemonSets, StatefulSets, Jobs and CronJobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controllers.upkeep import finished
from controllers.workloads import cronjobs, daemonsets, indexes, jobs, schedules, statefulsets
from tests.unit.controllers.world import MODES, World

LABELS = {"app": "x"}


def template(image: str = "a", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


def daemon(image: str = "a", **spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": LABELS}
    return {
        "metadata": {"name": "x"},
        "spec": {"selector": selector, "template": template(image), "revisionHistoryLimit": 10, **spec},
    }


def nodes(world: World, *names: str, **spec: Any) -> None:
    for name in names:
        world.api.add("nodes", {"metadata": {"name": name, "labels": {"n": name}}, "spec": spec})


def bind_daemons(world: World) -> None:
    for pod in world.api.all("pods"):
        if not pod["spec"].get("nodeName"):
            world.api.change("pods", pod, spec={**pod["spec"], "nodeName": daemonsets.target_node(pod)})
    world.run_pods()


def images(world: World) -> list[str]:
    return [p["spec"]["containers"][0]["image"] for p in world.api.all("pods")]


@pytest.mark.parametrize("mode", MODES)
async def test_a_daemon_set_has_one_pod_on_each_node_that_lets_it(mode: str) -> None:
    world = World([daemonsets.controller()], mode=mode)
    nodes(world, "a", "b")
    nodes(world, "tainted", taints=[{"key": "k", "effect": "NoSchedule"}])
    nodes(world, "cordoned", taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])
    world.api.add("daemonsets.apps", daemon())
    await world.settle()
    bind_daemons(world)
    await world.settle()
    assert sorted(p["spec"]["nodeName"] for p in world.api.all("pods")) == ["a", "b", "cordoned"]
    status = world.api.find("daemonsets.apps", "x")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"], status["updatedNumberScheduled"]) == (3, 3, 3)
    world.api.remove("nodes", world.api.find("nodes", "b"))
    nodes(world, "c")
    await world.settle()
    assert {daemonsets.target_node(p) for p in world.api.all("pods")} == {"a", "b", "c", "cordoned"}


async def test_a_daemon_set_is_updated_one_node_after_the_other() -> None:
    world = World([daemonsets.controller()])
    nodes(world, "a", "b", "c")
    found = world.api.add("daemonsets.apps", daemon())
    await world.settle()
    bind_daemons(world)
    await world.settle()
    world.api.change("daemonsets.apps", found, spec=daemon("b")["spec"])
    for _ in range(10):
        await world.settle()
        assert sum(bool(p["metadata"].get("deletionTimestamp")) for p in world.api.all("pods")) <= 1
        bind_daemons(world)
    assert images(world) == ["b"] * 3
    assert len(world.api.all("controllerrevisions.apps")) == 2


async def test_a_daemon_set_that_surges_starts_the_new_pod_before_the_old_one_goes() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    world = World([daemonsets.controller()])
    nodes(world, "a", "b")
    found = world.api.add("daemonsets.apps", daemon(updateStrategy=strategy))
    await world.settle()
    bind_daemons(world)
    world.api.change("daemonsets.apps", found, spec=daemon("b", updateStrategy=strategy)["spec"])
    await world.settle()
    assert sorted(images(world)) == ["a", "a", "b"]
    for _ in range(10):
        bind_daemons(world)
        await world.settle()
    assert images(world) == ["b", "b"]


def stateful(image: str = "a", **spec: Any) -> dict[str, Any]:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    return {
        "metadata": {"name": "db"},
        "spec": {
            "replicas": 3,
            "serviceName": "db",
            "selector": {"matchLabels": LABELS},
            "template": template(image),
            "volumeClaimTemplates": [claim],
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            **spec,
        },
    }


def names(world: World, resource: str = "pods") -> list[str]:
    return [o["metadata"]["name"] for o in world.api.all(resource)]


@pytest.mark.parametrize("mode", MODES)
async def test_a_stateful_set_makes_one_pod_after_the_other_each_with_its_claim(mode: str) -> None:
    world = World([statefulsets.CONTROLLER], mode=mode)
    world.api.add("statefulsets.apps", stateful())
    await world.settle()
    assert names(world) == ["db-0"]
    pod = world.api.find("pods", "db-0")
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "0"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-0", "db")
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-db-0"
    await world.settle_with_pods()
    assert names(world) == ["db-0", "db-1", "db-2"]
    assert names(world, "persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]
    status = world.api.find("statefulsets.apps", "db")["status"]
    assert (status["readyReplicas"], status["currentReplicas"], status["updatedReplicas"]) == (3, 3, 3)
    assert status["currentRevision"] == status["updateRevision"]


async def test_a_stateful_set_shrinks_from_the_end_and_keeps_the_claims() -> None:
    world = World([statefulsets.CONTROLLER])
    found = world.api.add("statefulsets.apps", stateful())
    await world.settle_with_pods()
    world.api.change("statefulsets.apps", found, spec=stateful(replicas=1)["spec"])
    await world.settle()
    assert [bool(p["metadata"].get("deletionTimestamp")) for p in world.api.all("pods")] == [False, False, True]
    await world.settle_with_pods()
    assert names(world) == ["db-0"]
    assert len(world.api.all("persistentvolumeclaims")) == 3


async def test_a_stateful_set_is_updated_from_the_highest_ordinal_down_to_its_partition() -> None:
    world = World([statefulsets.CONTROLLER])
    found = world.api.add("statefulsets.apps", stateful())
    await world.settle_with_pods()
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    world.api.change("statefulsets.apps", found, spec=stateful("b", updateStrategy=strategy)["spec"])
    await world.settle()
    assert [bool(p["metadata"].get("deletionTimestamp")) for p in world.api.all("pods")] == [False, False, True]
    await world.settle_with_pods()
    assert images(world) == ["a", "b", "b"]
    world.api.change("statefulsets.apps", found, spec=stateful("b")["spec"])
    await world.settle_with_pods()
    assert images(world) == ["b", "b", "b"]
    status = world.api.find("statefulsets.apps", "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]


def job(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "j"},
        "spec": {
            "completions": 3,
            "parallelism": 2,
            "backoffLimit": 6,
            "selector": {"matchLabels": LABELS},
            "template": template(restartPolicy="Never"),
            **spec,
        },
    }


async def finish_pods(world: World, phase: str = "Succeeded") -> None:
    """All active pods end; ended and deleted ones go once nobody holds them."""
    await world.settle()
    for pod in world.api.all("pods"):
        if pod["metadata"].get("deletionTimestamp"):
            world.api.change("pods", pod, status={"phase": "Failed"})
        elif (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            stamp = world.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            state = {"name": "c", "state": {"terminated": {"finishedAt": stamp}}}
            world.api.change("pods", pod, status={"phase": phase, "containerStatuses": [state]})
    await world.settle()


def condition(world: World, name: str = "j") -> dict[str, str]:
    found = world.api.find("jobs.batch", name)["status"].get("conditions") or ()
    return {c["type"]: c["reason"] for c in found if c["status"] == "True"}


@pytest.mark.parametrize("mode", MODES)
async def test_a_job_counts_each_pod_once_and_completes(mode: str) -> None:
    world = World([jobs.CONTROLLER], mode=mode)
    world.api.add("jobs.batch", job())
    await world.settle()
    assert len(world.api.all("pods")) == 2
    assert all(p["metadata"]["finalizers"] == [jobs.FINALIZER] for p in world.api.all("pods"))
    for _ in range(3):
        await finish_pods(world)
    status = world.api.find("jobs.batch", "j")["status"]
    assert (status["succeeded"], status["uncountedTerminatedPods"]) == (3, {})
    assert condition(world) == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
    assert len(world.api.all("pods")) == 3
    assert not any(p["metadata"].get("finalizers") for p in world.api.all("pods"))
    assert world.events.messages("Completed") == ["Job completed"]


async def test_a_job_that_fails_too_often_backs_off_and_gives_up() -> None:
    world = World([jobs.CONTROLLER])
    world.api.add("jobs.batch", job(completions=1, parallelism=1, backoffLimit=2))
    made = []
    for _ in range(3):
        await finish_pods(world, "Failed")
        made.append(len(world.api.all("pods")))
        await world.advance(5)
        made.append(len(world.api.all("pods")))
        await world.advance(20)
    assert made == [1, 1, 2, 2, 3, 3]
    assert condition(world)["Failed"] == "BackoffLimitExceeded"
    assert world.events.messages("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


async def test_a_job_ends_at_its_deadline_and_is_removed_after_its_time() -> None:
    world = World([jobs.CONTROLLER, finished.CONTROLLER])
    world.api.add("jobs.batch", job(activeDeadlineSeconds=30, ttlSecondsAfterFinished=60))
    await world.advance(31)
    await finish_pods(world)
    assert condition(world)["Failed"] == "DeadlineExceeded"
    await world.advance(61)
    assert "deletionTimestamp" in world.api.find("jobs.batch", "j")["metadata"]


async def test_a_suspended_job_has_no_pods_until_it_is_resumed() -> None:
    world = World([jobs.CONTROLLER])
    found = world.api.add("jobs.batch", job(suspend=True))
    await world.settle()
    assert world.api.all("pods") == []
    assert condition(world) == {"Suspended": "JobSuspended"}
    world.api.change("jobs.batch", found, spec=job()["spec"])
    await world.settle()
    assert len(world.api.all("pods")) == 2
    assert condition(world) == {}


async def test_an_indexed_job_runs_each_index_once() -> None:
    world = World([jobs.CONTROLLER])
    world.api.add("jobs.batch", job(completionMode="Indexed"))
    await world.settle()
    first = world.api.all("pods")[0]
    assert first["metadata"]["annotations"][indexes.ANNOTATION] == "0"
    assert first["spec"]["hostname"] == "j-0"
    assert first["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    for _ in range(3):
        await finish_pods(world)
    assert world.api.find("jobs.batch", "j")["status"]["completedIndexes"] == "0-2"
    assert len(world.api.all("pods")) == 3


def test_indexes_are_text_and_back() -> None:
    assert indexes.text({1, 3, 4, 5, 7, 8}) == "1,3-5,7,8"
    assert indexes.parse("1,3-5,7") == {1, 3, 4, 5, 7}
    assert indexes.parse("") == set()


def cron(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "c"},
        "spec": {
            "schedule": "*/5 * * * *",
            "jobTemplate": {"spec": job()["spec"]},
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            **spec,
        },
    }


def complete(world: World, found: dict[str, Any]) -> None:
    stamp = world.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    done = {"type": "Complete", "status": "True", "lastTransitionTime": stamp, "reason": "CompletionsReached"}
    world.api.change("jobs.batch", found, status={"conditions": [done], "startTime": stamp, "completionTime": stamp})


@pytest.mark.parametrize("mode", MODES)
async def test_a_cron_job_makes_a_job_at_each_time_and_keeps_few(mode: str) -> None:
    world = World([cronjobs.CONTROLLER], mode=mode)
    world.api.add("cronjobs.batch", cron())
    await world.advance(299)
    assert world.api.all("jobs.batch") == []
    await world.advance(2)
    [first] = world.api.all("jobs.batch")
    at = datetime(2026, 1, 1, 12, 5, tzinfo=UTC)
    assert first["metadata"]["name"] == f"c-{int(at.timestamp()) // 60}"
    assert first["metadata"]["annotations"][cronjobs.SCHEDULED] == "2026-01-01T12:05:00Z"
    status = world.api.find("cronjobs.batch", "c")["status"]
    assert status["lastScheduleTime"] == "2026-01-01T12:05:00Z"
    assert [r["name"] for r in status["active"]] == [first["metadata"]["name"]]
    complete(world, first)
    await world.settle()
    assert "active" not in world.api.find("cronjobs.batch", "c")["status"]
    await world.advance(300)
    complete(world, world.api.all("jobs.batch")[-1])
    await world.settle()
    assert len(world.api.all("jobs.batch")) == 1
    assert world.events.messages("SuccessfulDelete") == [f"Deleted job {first['metadata']['name']}"]


@pytest.mark.parametrize(("policy", "alive"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
async def test_what_a_cron_job_does_while_its_last_job_runs(policy: str, alive: int) -> None:
    world = World([cronjobs.CONTROLLER])
    world.api.add("cronjobs.batch", cron(concurrencyPolicy=policy))
    await world.advance(601)
    found = names(world, "jobs.batch")
    assert len(found) == alive
    newest = f"c-{int(datetime(2026, 1, 1, 12, 10, tzinfo=UTC).timestamp()) // 60}"
    assert (newest in found) == (policy != "Forbid")


async def test_a_start_that_comes_too_late_is_missed() -> None:
    world = World([cronjobs.CONTROLLER])
    late = cron(startingDeadlineSeconds=10, suspend=True)
    found = world.api.add("cronjobs.batch", late)
    await world.advance(320)
    world.api.change("cronjobs.batch", found, spec={**late["spec"], "suspend": False})
    await world.settle()
    assert world.api.all("jobs.batch") == []


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("*/15 * * * *", "UTC", "2026-01-01T12:00:00", "2026-01-01T12:15:00"),
        ("@daily", "UTC", "2026-01-01T12:00:00", "2026-01-02T00:00:00"),
        ("30 4 1,15 * fri", "UTC", "2026-01-03T12:00:00", "2026-01-09T04:30:00"),
        ("0 0 29 feb *", "UTC", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 9 * * mon-fri", "Europe/Berlin", "2026-07-03T09:00:00", "2026-07-06T07:00:00"),
        ("0 0 * * 7", "UTC", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("@every 90s", "UTC", "2026-01-01T00:00:00", "2026-01-01T00:01:30"),
    ],
)
def test_the_next_time_of_a_schedule(text: str, zone: str, after: str, expected: str) -> None:
    found = schedules.parse(text, ZoneInfo(zone)).after(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_time_that_the_clocks_skip_is_not_run() -> None:
    berlin = schedules.parse("30 2 * * *", ZoneInfo("Europe/Berlin"))
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert berlin.after(before) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_a_day_that_never_comes_is_no_time() -> None:
    assert schedules.parse("0 0 30 2 *").after(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("text", ["* * * *", "60 * * * *", "*/0 * * * *", "@sometimes", "a * * * *", "5-1 * * * *"])
def test_a_schedule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        schedules.parse(text)


async def test_a_job_that_a_person_made_of_a_cron_job_does_not_count_as_active() -> None:
    world = World([cronjobs.CONTROLLER])
    owner = world.api.add("cronjobs.batch", cron(concurrencyPolicy="Forbid"))
    reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": owner["metadata"]["uid"]}
    made = {**job(), "metadata": {"name": "by-hand", "ownerReferences": [{**reference, "controller": True}]}}
    world.api.add("jobs.batch", made)
    await world.advance(301)
    assert len(world.api.all("jobs.batch")) == 2
    message = "Saw a job that the controller did not create or forgot: by-hand"
    assert message in world.events.messages("UnexpectedJob")


async def test_after_a_long_absence_only_the_last_start_is_made_up_for() -> None:
    world = World([cronjobs.CONTROLLER])
    found = world.api.add("cronjobs.batch", cron(schedule="* * * * *", suspend=True))
    await world.advance(3 * 3600 + 1)
    world.api.change("cronjobs.batch", found, spec=cron(schedule="* * * * *")["spec"])
    await world.settle()
    assert len(world.api.all("jobs.batch")) == 1
    assert world.api.find("cronjobs.batch", "c")["status"]["lastScheduleTime"] == "2026-01-01T15:00:00Z"
    [message] = world.events.messages("TooManyMissedTimes")
    assert message.startswith("too many missed start times.")

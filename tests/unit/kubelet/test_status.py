from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kubelet.pods.observed import Failure
from kubelet.pods.status import DEADLINE, pod_status, rejected
from kubelet.pods.status_patch import status_patch, urgent
from kubelet.runtime.api import ContainerState, LinuxResources
from tests.unit.kubelet.fakes import container, pod
from tests.unit.kubelet.test_plan import EXITED, NOW, RUNNING, WITH_INIT, WITH_SIDECAR, seen, status


def report(document: dict[str, Any], observed: Any, previous: Any = None, **more: Any) -> dict[str, Any]:
    return pod_status(
        document, observed, previous or document["status"], now=NOW, host_ip="192.168.0.1", runtime_name="crun", **more
    )


def condition(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(c for c in found["conditions"] if c["type"] == kind)


PHASES: list[tuple[str, dict[str, Any], Any, str]] = [
    ("nothing yet", {}, seen(), "Pending"),
    ("running", {}, seen(status("app")), "Running"),
    ("one of two", {"containers": [container(), container("b")]}, seen(status("app")), "Pending"),
    ("ended, to be started again", {}, seen(status("app", EXITED, code=1)), "Running"),
    ("ended well", {"restartPolicy": "Never"}, seen(status("app", EXITED)), "Succeeded"),
    ("ended badly", {"restartPolicy": "Never"}, seen(status("app", EXITED, code=1)), "Failed"),
    ("badly, tried again", {"restartPolicy": "OnFailure"}, seen(status("app", EXITED, code=1)), "Running"),
    ("initialising", WITH_INIT, seen(status("one")), "Pending"),
    ("init failed", {**WITH_INIT, "restartPolicy": "Never"}, seen(status("one", EXITED, code=1)), "Failed"),
    ("init failed, tried again", WITH_INIT, seen(status("one", EXITED, code=1)), "Pending"),
    ("sidecar alone", WITH_SIDECAR, seen(status("side"), status("one", EXITED)), "Pending"),
    (
        "sidecar after the others",
        {**WITH_SIDECAR, "restartPolicy": "Never"},
        seen(status("side"), status("one", EXITED), status("app", EXITED)),
        "Running",
    ),
    (
        "deleted and killed",
        {},
        seen(status("app", EXITED, code=137), terminating=True),
        "Failed",
    ),
    ("deleted before it ran", {}, seen(terminating=True), "Failed"),
]


@pytest.mark.parametrize(("spec", "observed", "phase"), [row[1:] for row in PHASES], ids=[row[0] for row in PHASES])
def test_phase(spec: dict[str, Any], observed: Any, phase: str) -> None:
    assert report(pod(**spec), observed)["phase"] == phase


def test_a_phase_never_leaves_its_end() -> None:
    assert report(pod(), seen(status("app")), {"phase": "Succeeded"})["phase"] == "Succeeded"


def test_an_unready_container_is_named() -> None:
    wanted = pod(containers=[container(readinessProbe={"exec": {}}), container("b")])
    found = report(wanted, seen(status("app"), status("b")))
    ready = condition(found, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [app]"


def test_a_readiness_gate_holds_back_the_pod_but_not_its_containers() -> None:
    wanted = pod(readinessGates=[{"conditionType": "example.com/gate"}])
    found = report(wanted, seen(status("app")))
    assert condition(found, "ContainersReady")["status"] == "True"
    message = 'corresponding condition of pod readiness gate "example.com/gate" does not exist.'
    assert condition(found, "Ready")["message"] == message
    gate = {"type": "example.com/gate", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    wanted["status"]["conditions"] = [gate]
    assert condition(report(wanted, seen(status("app"))), "Ready")["status"] == "True"


def test_incomplete_init_containers_are_named() -> None:
    found = condition(report(pod(**WITH_INIT), seen(status("one", EXITED))), "Initialized")
    assert found["message"] == "containers with incomplete status: [two]"
    assert found["reason"] == "ContainersNotInitialized"


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    first = report(pod(), seen(status("app")))
    later = pod_status(pod(), seen(status("app")), first, now=NOW + timedelta(hours=1), host_ip="", runtime_name="crun")
    assert condition(later, "Ready")["lastTransitionTime"] == "2026-01-01T12:00:00Z"


def test_a_waiting_container_says_why_and_what_came_before() -> None:
    failure = Failure("CrashLoopBackOff", "back-off 10s", NOW)
    found = report(pod(), seen(status("app", EXITED, code=2), failures={"app": failure}))["containerStatuses"][0]
    assert found["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert found["lastState"]["terminated"]["exitCode"] == 2


def test_a_container_before_its_first_start_is_being_created() -> None:
    found = report(pod(), seen())["containerStatuses"][0]
    assert found["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert report(pod(**WITH_INIT), seen())["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"


def test_a_container_that_was_lost_is_said_to_be() -> None:
    before = {"containerStatuses": [{"name": "app", "state": {"running": {}}, "restartCount": 1}], "phase": "Running"}
    found = report(pod(), seen(), before)["containerStatuses"][0]
    assert found["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert found["restartCount"] == 2


def test_the_start_of_a_container_waits_for_its_startup_probe() -> None:
    wanted = pod(containers=[container(startupProbe={"exec": {}})])
    assert report(wanted, seen(status("app")))["containerStatuses"][0]["started"] is False
    found = report(wanted, seen(status("app"), startup={"app-0": True}))["containerStatuses"][0]
    assert found["started"] and found["ready"]


def test_a_pod_past_its_deadline_has_failed() -> None:
    found = report(pod(), seen(status("app")), failed=DEADLINE)
    assert (found["phase"], found["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_rejected_pod_says_so() -> None:
    found = rejected(pod(), {}, "OutOfcpu", "no room", NOW)
    assert (found["phase"], found["message"]) == ("Failed", "Pod was rejected: no room")


def test_a_patch_says_what_changed_and_nothing_else() -> None:
    before = report(pod(), seen(status("app", ContainerState.CREATED)))
    after = report(pod(), seen(status("app")), before)
    patch = status_patch("uid-web", before, after)
    assert patch is not None
    assert set(patch["status"]) == {"phase", "conditions", "containerStatuses"}
    assert {c["type"] for c in patch["status"]["conditions"]} == {"Ready", "ContainersReady"}
    assert status_patch("uid-web", after, after) is None
    assert urgent(before, after)


def test_a_patch_takes_back_the_reason_of_a_condition() -> None:
    before = report(pod(), seen(status("app", ContainerState.CREATED)))
    patch = status_patch("uid-web", before, report(pod(), seen(status("app")), before))
    assert patch is not None
    assert all(c["reason"] is None and c["message"] is None for c in patch["status"]["conditions"])


def test_a_resize_shows_until_it_is_done() -> None:
    small, large = ({"limits": {"memory": size}, "requests": {"memory": size}} for size in ("1Mi", "2Mi"))

    def limited(memory: int) -> Any:
        return seen(status("app", resources=LinuxResources(cpu_shares=2, memory_limit=memory)))

    before = report(pod(containers=[container(resources=small)]), limited(1 << 20))
    wanted = pod(containers=[container(resources=large)])
    during = report(wanted, limited(1 << 20), before, resize={"PodResizeInProgress": ("", "", 2)})
    shown = condition(during, "PodResizeInProgress")
    assert (shown["status"], shown["observedGeneration"]) == ("True", 2)
    assert during["containerStatuses"][0]["resources"] == small
    after = report(wanted, limited(2 << 20), during)
    assert after["containerStatuses"][0]["resources"] == large
    patch = status_patch("uid-web", during, after)
    assert patch is not None
    assert {"$patch": "delete", "type": "PodResizeInProgress"} in patch["status"]["conditions"]


def test_foreign_conditions_are_never_written() -> None:
    wanted = pod()
    wanted["status"]["conditions"] = [{"type": "Other", "status": "True", "lastTransitionTime": "x"}]
    patch = status_patch("uid-web", {}, report(wanted, seen(status("app", RUNNING))))
    assert patch is not None
    assert "Other" not in {c["type"] for c in patch["status"]["conditions"]}


def test_that_a_pod_is_being_made_is_not_urgent() -> None:
    assert not urgent(pod()["status"], report(pod(), seen()))


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Burstable"),
    ],
)
def test_qos_class(resources: dict[str, Any], expected: str) -> None:
    assert report(pod(containers=[container(resources=resources)]), seen())["qosClass"] == expected


def test_a_pod_that_starts_over_has_not_ended() -> None:
    document = pod(restartPolicy="Never")
    killed = seen(status("app", EXITED, code=137), started_over=True)
    assert report(document, killed, {"phase": "Running"})["phase"] == "Running"
    removed = report(document, seen(started_over=True), report(document, killed, {"phase": "Running"}))
    [shown] = removed["containerStatuses"]
    assert (removed["phase"], shown["restartCount"]) == ("Running", 1)
    assert (
        shown["state"]["waiting"]["reason"] == shown["lastState"]["terminated"]["reason"] == "RestartingAllContainers"
    )

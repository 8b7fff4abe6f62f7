"""``plan`` as a table: what is observed, and what is to be done about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubelet.pods import documents
from kubelet.pods.observed import Backoff, Failure, Observed, next_backoff
from kubelet.pods.plan import plan
from kubelet.pods.resizing import RESIZE
from kubelet.pods.steps import (
    BackOff,
    CreateSandbox,
    KillContainer,
    Release,
    RemoveContainer,
    Resize,
    StartContainer,
    StartOver,
    StopContainers,
    Wait,
)
from kubelet.runtime.api import ContainerState, ContainerStatus, LinuxResources, SandboxState, SandboxStatus
from tests.unit.kubelet.fakes import container, pod

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SANDBOX = SandboxStatus("sandbox", "uid-web", "web", "default", 0, SandboxState.READY, NOW, None)
RUNNING, EXITED, CREATED = ContainerState.RUNNING, ContainerState.EXITED, ContainerState.CREATED


def status(
    name: str, state: ContainerState = RUNNING, *, attempt: int = 0, code: int = 0, ago: float = 60, **fields: Any
) -> ContainerStatus:
    finished = NOW - timedelta(seconds=ago) if state is EXITED else None
    return ContainerStatus(
        f"{name}-{attempt}", fields.pop("sandbox", "sandbox"), name, attempt, state, NOW + timedelta(seconds=attempt),
        started_at=NOW - timedelta(seconds=ago + 1), finished_at=finished, exit_code=code, **fields,
    )  # fmt: skip


def seen(*statuses: ContainerStatus, **fields: Any) -> Observed:
    by_name: dict[str, tuple[ContainerStatus, ...]] = {}
    for one in statuses:
        by_name[one.name] = (one, *by_name.get(one.name, ()))
    return Observed(**{"sandbox": SANDBOX, "ips": ("10.0.0.2",), "containers": by_name, "held": True, **fields})


WITH_INIT = {"initContainers": [container("one"), container("two")]}
WITH_SIDECAR = {"initContainers": [container("side", restartPolicy="Always"), container("one")]}
FAILED = Failure("CreateContainerConfigError", "no", NOW + timedelta(seconds=5))
BACKED_OFF = Backoff(10, NOW - timedelta(seconds=65))
AGAIN = next_backoff(None, NOW - timedelta(seconds=60), NOW)

TABLE: list[tuple[str, dict[str, Any], Observed, list[Any]]] = [
    ("a new pod gets a sandbox", {}, Observed(), [CreateSandbox(0, ("app",))]),
    ("then its container", {}, seen(), [StartContainer("app")]),
    ("a running one is left alone", {}, seen(status("app")), []),
    (
        "one that ended is started again",
        {},
        seen(status("app", EXITED, code=1)),
        [StartContainer("app", 1, AGAIN)],
    ),
    (
        "but not at once, the second time",
        {},
        seen(status("app", EXITED, code=1, ago=4), backoffs={"app": Backoff(10, NOW - timedelta(seconds=20))}),
        [
            BackOff(
                "app",
                "back-off 10s restarting failed container=app pod=web_default(uid-web)",
                NOW + timedelta(seconds=6),
            )
        ],
    ),
    (
        "ten minutes without trouble wipe the slate",
        {},
        seen(status("app", EXITED, ago=1), backoffs={"app": Backoff(300, NOW - timedelta(seconds=700))}),
        [StartContainer("app", 1, Backoff(10, NOW))],
    ),
    ("what failed waits", {}, seen(failures={"app": FAILED}), [Wait(FAILED.retry_at)]),
    ("so does a pod without volumes", {}, Observed(pod_failure=FAILED), [Wait(FAILED.retry_at)]),
    (
        "what failed long enough ago is tried again",
        {},
        seen(failures={"app": replace(FAILED, retry_at=NOW)}),
        [StartContainer("app")],
    ),
    ("Never means never", {"restartPolicy": "Never"}, seen(status("app", EXITED, code=1)), []),
    ("OnFailure leaves success alone", {"restartPolicy": "OnFailure"}, seen(status("app", EXITED)), []),
    (
        "OnFailure tries failure again",
        {"restartPolicy": "OnFailure"},
        seen(status("app", EXITED, code=1)),
        [StartContainer("app", 1, AGAIN)],
    ),
    (
        "a failed liveness probe kills",
        {},
        seen(status("app"), liveness={"app-0": False}),
        [KillContainer("app-0", "app", "Container app failed liveness probe, will be restarted", "liveness")],
    ),
    (
        "a failed startup probe kills, for good where nothing restarts",
        {"restartPolicy": "Never"},
        seen(status("app"), startup={"app-0": False}),
        [KillContainer("app-0", "app", "Container app failed startup probe", "startup")],
    ),
    (
        "another image means another container",
        {},
        seen(status("app", annotations={documents.HASH_ANNOTATION: "old"})),
        [KillContainer("app-0", "app", "Container app definition changed, will be restarted")],
    ),
    ("init containers come first, one by one", WITH_INIT, seen(), [StartContainer("one")]),
    ("a running one is waited for", WITH_INIT, seen(status("one")), []),
    ("then the next", WITH_INIT, seen(status("one", EXITED)), [StartContainer("two")]),
    (
        "a failed one is tried again",
        WITH_INIT,
        seen(status("one", EXITED, code=1)),
        [StartContainer("one", 1, AGAIN)],
    ),
    (
        "a failed one ends a pod that restarts nothing",
        {**WITH_INIT, "restartPolicy": "Never"},
        seen(status("one", EXITED, code=1)),
        [],
    ),
    (
        "after the last the others",
        WITH_INIT,
        seen(status("one", EXITED), status("two", EXITED)),
        [StartContainer("app")],
    ),
    (
        "init containers that were removed don't run again",
        WITH_INIT,
        seen(status("app")),
        [],
    ),
    ("a sidecar starts first", WITH_SIDECAR, seen(), [StartContainer("side")]),
    ("what comes after it doesn't wait for its end", WITH_SIDECAR, seen(status("side")), [StartContainer("one")]),
    (
        "but for its startup probe",
        {"initContainers": [container("side", restartPolicy="Always", startupProbe={"exec": {}})]},
        seen(status("side")),
        [],
    ),
    (
        "a sidecar that ended is started again while the pod runs",
        WITH_SIDECAR,
        seen(status("side", EXITED), status("one", EXITED), status("app")),
        [StartContainer("side", 1, AGAIN)],
    ),
    (
        "a sidecar doesn't keep a finished pod alive",
        {**WITH_SIDECAR, "restartPolicy": "Never"},
        seen(status("side"), status("one", EXITED), status("app", EXITED)),
        [StopContainers()],
    ),
    (
        "an ephemeral container is started beside the others",
        {"ephemeralContainers": [container("debug")]},
        seen(status("app")),
        [StartContainer("debug")],
    ),
    (
        "and never again",
        {"ephemeralContainers": [container("debug")]},
        seen(status("app"), status("debug", EXITED)),
        [],
    ),
    ("a pod that is to end is stopped", {}, seen(status("app"), terminating=True), [StopContainers()]),
    ("what never started is removed", {}, seen(status("app", CREATED), terminating=True), [RemoveContainer("app-0")]),
    ("then it lets go", {}, seen(status("app", EXITED), terminating=True), [Release()]),
    ("then there is nothing to do", {}, seen(status("app", EXITED), terminating=True, held=False), []),
    (
        "a lost sandbox is made anew, from the first init container on",
        WITH_INIT,
        seen(
            status("one", EXITED),
            status("two", EXITED),
            status("app", EXITED, code=255),
            sandbox=replace(SANDBOX, state=SandboxState.NOT_READY),
        ),
        [RemoveContainer("one-0"), RemoveContainer("two-0"), CreateSandbox(1, ("one",))],
    ),
    (
        "but not for a pod that restarts nothing",
        {"restartPolicy": "Never"},
        seen(status("app", EXITED, code=255), sandbox=replace(SANDBOX, state=SandboxState.NOT_READY)),
        [Release()],
    ),
    (
        "new limits are set while it runs",
        {"containers": [container(resources={"limits": {"memory": "2Mi"}})]},
        seen(status("app", resources=LinuxResources(cpu_shares=2, memory_limit=1 << 20))),
        [Resize((("app-0", "app"),))],
    ),
    (
        "and of the pod as a whole",
        {"resources": {"limits": {"memory": "2Mi"}, "requests": {"memory": "2Mi"}}},
        seen(status("app"), sandbox=replace(SANDBOX, resources=LinuxResources(cpu_shares=2, memory_limit=1 << 20))),
        [Resize(())],
    ),
    (
        "not again at once where they were refused",
        {"containers": [container(resources={"limits": {"memory": "2Mi"}})]},
        seen(
            status("app", resources=LinuxResources(cpu_shares=2, memory_limit=1 << 20)),
            failures={RESIZE: Failure("Error", "no", NOW + timedelta(seconds=5))},
        ),
        [Wait(NOW + timedelta(seconds=5))],
    ),
    (
        "or by a restart, where it wants one",
        {
            "containers": [
                container(
                    resources={"requests": {"cpu": "1"}},
                    resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}],
                )
            ]
        },
        seen(status("app", resources=LinuxResources(cpu_shares=2))),
        [KillContainer("app-0", "app", "Container app resize requires restart")],
    ),
    (
        "only the last two of a container are kept",
        {},
        seen(*(status("app", EXITED if n < 3 else RUNNING, attempt=n) for n in range(4))),
        [RemoveContainer("app-1"), RemoveContainer("app-0")],
    ),
]


@pytest.mark.parametrize(("spec", "observed", "steps"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_plan(spec: dict[str, Any], observed: Observed, steps: list[Any]) -> None:
    assert plan(pod(**spec), observed, NOW) == steps


def test_back_off_doubles_to_five_minutes() -> None:
    backoff, waits = None, []
    for _ in range(7):
        backoff = next_backoff(backoff, NOW, NOW)
        waits.append(backoff.seconds)
    assert waits == [10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize(
    ("rules", "code", "again"),
    [
        ([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}], 42, True),
        ([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}], 1, False),
        ([{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [42]}}], 1, True),
    ],
)
def test_restart_rules_go_before_the_policy(rules: list[Any], code: int, again: bool) -> None:
    wanted = container(restartPolicy="Never", restartPolicyRules=rules)
    assert documents.restarts_after(pod(containers=[wanted]), wanted, code) is again


def ended(name: str, code: int) -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": code}}}


def test_what_had_ended_before_the_node_was_stopped_is_not_run_again() -> None:
    both = [container("app"), container("side")]
    done = {"phase": "Running", "containerStatuses": [ended("app", 0), {"name": "side", "state": {"running": {}}}]}
    wanted = {**pod(containers=both, restartPolicy="OnFailure"), "status": done}
    assert plan(wanted, Observed(), NOW) == [CreateSandbox(0, ("side",))]
    assert plan(wanted, seen(), NOW) == [StartContainer("side")]


def test_an_ephemeral_container_that_had_ended_is_not_run_again() -> None:
    status_ = {"phase": "Running", "ephemeralContainerStatuses": [ended("debugger", 0)]}
    wanted = {**pod(ephemeralContainers=[container("debugger")]), "status": status_}
    assert plan(wanted, seen(status("app")), NOW) == []


ALL = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]


def test_a_container_may_start_all_of_its_pod_over_and_is_itself_removed_last() -> None:
    document = pod(containers=[container(restartPolicyRules=ALL), container("b")], initContainers=[container("one")])
    ended = seen(status("one", EXITED), status("app", EXITED, code=42), status("b"))
    assert plan(document, ended, NOW) == [StartOver(("b-0", "one-0", "app-0"))]
    assert plan(document, seen(started_over=True), NOW) == [StartContainer("one")]
    calm = seen(status("one", EXITED), status("app", EXITED, code=42), status("app", attempt=1), status("b"))
    assert plan(document, calm, NOW) == []


def test_what_was_removed_to_start_over_is_started_whatever_was_last_said_of_it() -> None:
    document = pod(containers=[container()], restartPolicy="Never")
    document["status"]["containerStatuses"] = [{"name": "app", "state": {"terminated": {"exitCode": 137}}}]
    assert plan(document, seen(started_over=True), NOW) == [StartContainer("app")]
    assert plan(document, seen(), NOW) == []

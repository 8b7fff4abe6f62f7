"""The finer points of DaemonSets and StatefulSets: failed daemons, claims that go with their pods, revisions."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from apimachinery.errors import Forbidden
from controllers.workloads import daemonsets, statefulsets
from controllers.workloads.daemon_backoff import Backoff
from tests.unit.controllers.test_workloads import daemon, names, nodes, stateful
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]


def policy(deleted: str, scaled: str) -> Document:
    return {"whenDeleted": deleted, "whenScaled": scaled}


def owners(world: World, claim: str) -> list[str]:
    meta = world.api.find("persistentvolumeclaims", claim)["metadata"]
    return [f"{r['kind']}/{r['name']}" for r in meta.get("ownerReferences") or ()]


@pytest.mark.parametrize("mode", MODES)
async def test_claims_that_go_with_the_set_are_owned_by_it(mode: str) -> None:
    world = World([statefulsets.CONTROLLER], mode=mode)
    found = world.api.add(
        "statefulsets.apps", stateful(replicas=2, persistentVolumeClaimRetentionPolicy=policy("Delete", "Retain"))
    )
    await world.settle_with_pods()
    assert [owners(world, c) for c in ("data-db-0", "data-db-1")] == [["StatefulSet/db"]] * 2
    world.api.change("statefulsets.apps", found, spec=stateful(replicas=2)["spec"])
    await world.settle_with_pods()
    assert [owners(world, c) for c in ("data-db-0", "data-db-1")] == [[], []]


@pytest.mark.parametrize("mode", MODES)
async def test_claims_that_go_when_the_set_shrinks_are_owned_by_the_pod_that_goes(mode: str) -> None:
    world = World([statefulsets.CONTROLLER], mode=mode)
    retention = policy("Delete", "Delete")
    found = world.api.add("statefulsets.apps", stateful(replicas=2, persistentVolumeClaimRetentionPolicy=retention))
    await world.settle_with_pods()
    uid = world.api.find("pods", "db-1")["metadata"]["uid"]
    smaller = stateful(replicas=1, persistentVolumeClaimRetentionPolicy=retention)["spec"]
    world.api.change("statefulsets.apps", found, spec=smaller)
    await world.settle_with_pods()
    assert names(world) == ["db-0"]
    assert owners(world, "data-db-0") == ["StatefulSet/db"]
    claim = world.api.find("persistentvolumeclaims", "data-db-1")
    assert [r["uid"] for r in claim["metadata"]["ownerReferences"]] == [uid]
    # Nobody has collected the claim yet: the next pod of that name waits for it.
    world.api.change("statefulsets.apps", found, spec={**smaller, "replicas": 2})
    await world.settle()
    assert names(world) == ["db-0"]
    world.api.remove("persistentvolumeclaims", claim)
    await world.settle_with_pods()
    assert names(world) == ["db-0", "db-1"]
    assert owners(world, "data-db-1") == ["StatefulSet/db"]


async def test_a_claim_of_another_controller_is_left_to_it() -> None:
    world = World([statefulsets.CONTROLLER])
    other = {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "u", "controller": True}
    world.api.add("persistentvolumeclaims", {"metadata": {"name": "data-db-0", "ownerReferences": [other]}})
    world.api.add(
        "statefulsets.apps", stateful(replicas=1, persistentVolumeClaimRetentionPolicy=policy("Delete", "Delete"))
    )
    await world.settle_with_pods()
    assert owners(world, "data-db-0") == ["Other/o"]


async def test_a_pod_of_a_stateful_set_gets_its_label_back() -> None:
    world = World([statefulsets.CONTROLLER])
    world.api.add("statefulsets.apps", stateful(replicas=1))
    await world.settle_with_pods()
    pod = world.api.find("pods", "db-0")
    labels = {k: v for k, v in pod["metadata"]["labels"].items() if k != statefulsets.NAME_LABEL}
    world.api.change("pods", pod, metadata={"labels": labels})
    await world.settle()
    assert world.api.find("pods", "db-0")["metadata"]["labels"][statefulsets.NAME_LABEL] == "db-0"


async def test_a_stateful_set_counts_from_its_first_ordinal() -> None:
    world = World([statefulsets.CONTROLLER])
    world.api.add("statefulsets.apps", stateful(replicas=2, ordinals={"start": 5}, podManagementPolicy="Parallel"))
    await world.settle()
    assert names(world) == ["db-5", "db-6"]


async def test_a_revision_is_sorted_and_bears_the_cause_of_the_change() -> None:
    world = World([statefulsets.CONTROLLER])
    made = stateful()
    made["metadata"]["annotations"] = {"kubernetes.io/change-cause": "because"}
    world.api.add("statefulsets.apps", made)
    await world.settle()
    [revision] = world.api.all("controllerrevisions.apps")
    assert revision["metadata"]["annotations"] == {"kubernetes.io/change-cause": "because"}
    assert orjson.dumps(revision["data"]) == orjson.dumps(revision["data"], option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("mode", MODES)
async def test_a_failed_daemon_is_replaced_at_once_and_then_after_ever_longer_waits(mode: str) -> None:
    world = World([daemonsets.controller()], mode=mode)
    nodes(world, "a")
    world.api.add("daemonsets.apps", daemon())
    await world.settle()
    seen = []
    for wait in (0.0, 1.0, 2.0):
        [pod] = world.api.all("pods")
        world.api.change("pods", pod, status={"phase": "Failed"})
        await world.settle(within=0.01)
        before = names(world) == [pod["metadata"]["name"]]
        await world.advance(wait)
        seen.append((before, names(world) == [pod["metadata"]["name"]]))
    assert seen == [(False, False), (True, False), (True, False)]


async def test_old_revisions_of_a_daemon_set_are_kept_up_to_the_limit() -> None:
    world = World([daemonsets.controller()])
    nodes(world, "a")
    found = world.api.add("daemonsets.apps", daemon(revisionHistoryLimit=1))
    for image in "bcd":
        world.api.change("daemonsets.apps", found, spec=daemon(image, revisionHistoryLimit=1)["spec"])
        for _ in range(4):
            await world.settle()
            for pod in world.api.all("pods"):
                world.api.change("pods", pod, spec={**pod["spec"], "nodeName": "a"})
            world.run_pods()
    await world.settle()
    assert sorted(r["revision"] for r in world.api.all("controllerrevisions.apps")) == [2, 3]


def test_a_back_off_is_forgotten_after_a_long_peace() -> None:
    backoff, now = Backoff(), World([]).now()
    for _ in range(20):
        backoff.tried(("a",), now)
    assert backoff.remaining(("a",), now) == 900
    later = now.replace(hour=23)
    assert backoff.remaining(("a",), later) == 0
    backoff.tried(("a",), later)
    assert backoff.remaining(("a",), later) == 1


async def test_what_cannot_be_made_in_an_ending_namespace_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World([statefulsets.CONTROLLER])
    causes = [{"reason": "NamespaceTerminating", "message": "it ends"}]
    world.api.refuse["create", "controllerrevisions.apps"] = Forbidden("it ends", causes=causes)
    world.api.add("statefulsets.apps", stateful())
    await world.advance(600)
    assert len(world.api.writes) == 1
    assert not caplog.records

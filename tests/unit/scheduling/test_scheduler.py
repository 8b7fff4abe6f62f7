"""Where a pod goes, or what it is told."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from controllers.actions import Bind, Delete, Event, Patch, Update
from controllers.controller import Key
from controllers.engine.cache import Cache
from controllers.scheduling import scheduler

Document = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A cache that is filled by hand."""

    def __init__(self) -> None:
        self.cache = Cache(scheduler.CONTROLLER.indices)
        self._versions = itertools.count(1)

    def put(self, resource: str, name: str, namespace: str = "", **parts: Any) -> Document:
        meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(next(self._versions))}
        if namespace:
            meta["namespace"] = namespace
        obj = {"metadata": {**meta, **parts.pop("metadata", {})}, **parts}
        self.cache.put(resource, obj)
        return obj

    def node(self, name: str, *, labels: dict[str, str] | None = None, cpu: str = "4", **spec: Any) -> Document:
        allocatable = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        known = {"kubernetes.io/hostname": name, **(labels or {})}
        return self.put("nodes", name, metadata={"labels": known}, spec=spec, status={"allocatable": allocatable})

    def pod(self, name: str, *, cpu: str = "", labels: dict[str, str] | None = None, **spec: Any) -> Document:
        container: Document = {"name": "c", "image": "i"}
        if cpu:
            container["resources"] = {"requests": {"cpu": cpu}}
        spec = {"containers": [container], **spec}
        phase = {"phase": "Running" if spec.get("nodeName") else "Pending"}
        return self.put("pods", name, "default", metadata={"labels": labels or {}}, spec=spec, status=phase)

    def schedule(self, name: str = "p") -> list[Any]:
        return scheduler.reconcile(Key("default", name), self.cache, NOW)

    def chosen(self, name: str = "p") -> str:
        (bind,) = [a for a in self.schedule(name) if isinstance(a, Bind)]
        return bind.node

    def refusal(self, name: str = "p") -> str:
        (event,) = [a for a in self.schedule(name) if isinstance(a, Event)]
        assert event.reason == "FailedScheduling"
        return event.message


@pytest.fixture
def world() -> World:
    return World()


def test_a_pod_is_bound_and_told_so(world: World) -> None:
    world.node("n1")
    world.pod("p")
    bind, event = world.schedule()
    assert bind == Bind("default", "p", "uid-p", "n1")
    assert (event.reason, event.message) == ("Scheduled", "Successfully assigned default/p to n1")


def test_without_nodes_it_says_so(world: World) -> None:
    world.pod("p")
    assert world.refusal() == "no nodes available to schedule pods"


def test_pods_of_other_schedulers_and_bound_ones_are_left_alone(world: World) -> None:
    world.node("n1")
    world.pod("theirs", schedulerName="other")
    world.pod("placed", nodeName="n1")
    assert world.schedule("theirs") == [] and world.schedule("placed") == []


def test_requests_count_sidecars_and_the_hungriest_init_container(world: World) -> None:
    world.node("n1", cpu="2")
    world.pod("there", cpu="1", nodeName="n1")
    world.pod("fits", cpu="1")
    hungry = [{"name": "i", "resources": {"requests": {"cpu": "1500m"}}}]
    world.pod("starts", cpu="100m", initContainers=hungry)
    sidecar = [{"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}}]
    world.pod("beside", cpu="600m", initContainers=sidecar)
    assert world.chosen("fits") == "n1"
    for name in ("starts", "beside"):
        assert world.refusal(name).startswith(
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
        )


def test_every_reason_is_counted_in_order(world: World) -> None:
    world.node("n1", cpu="1")
    world.node("n2", unschedulable=True)
    world.node("n3", taints=[{"key": "k", "effect": "NoSchedule"}])
    world.pod("p", cpu="2")
    assert world.refusal() == (
        "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable."
        " no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


def test_the_same_refusal_is_not_told_twice(world: World) -> None:
    world.node("n1", cpu="1")
    pod = world.pod("p", cpu="2")
    first = world.schedule()
    patch = next(a for a in first if isinstance(a, Patch))
    conditions = patch.body["status"]["conditions"]
    world.put("pods", "p", "default", spec=pod["spec"], status={"phase": "Pending", "conditions": conditions})
    assert not [a for a in world.schedule() if isinstance(a, (Event, Patch))]


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "k", "operator": "Exists"}, True),
        ({"key": "k", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "value": "w"}, False),
        ({"operator": "Exists"}, True),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_taints_want_a_toleration(world: World, toleration: Document, fits: bool) -> None:
    world.node("n1", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    world.pod("p", tolerations=[toleration])
    assert any(isinstance(a, Bind) for a in world.schedule()) is fits


def test_selectors_and_affinity_choose_the_node(world: World) -> None:
    world.node("n1", labels={"disk": "hdd", "size": "3"})
    world.node("n2", labels={"disk": "ssd", "size": "9"})
    world.pod("selected", nodeSelector={"disk": "ssd"})
    big = [{"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["5"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": big}}
    world.pod("required", affinity={"nodeAffinity": required})
    weighted = [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["hdd"]}]}}
    ]
    world.pod("preferring", affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}})
    assert [world.chosen(n) for n in ("selected", "required", "preferring")] == ["n2", "n2", "n1"]


def test_host_ports_collide_per_protocol_and_address(world: World) -> None:
    def ports(**port: Any) -> list[Document]:
        return [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80, **port}]}]

    world.node("n1")
    world.pod("there", nodeName="n1", containers=ports(hostIP="127.0.0.1"))
    world.pod("same", containers=ports())
    world.pod("udp", containers=ports(protocol="UDP"))
    world.pod("elsewhere", containers=ports(hostIP="127.0.0.2"))
    assert "didn't have free ports" in world.refusal("same")
    assert world.chosen("udp") == world.chosen("elsewhere") == "n1"


def test_pods_keep_away_from_and_come_to_others(world: World) -> None:
    for name in ("n1", "n2"):
        world.node(name)
    world.pod("web", nodeName="n1", labels={"app": "web"})
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    world.pod("near", affinity={"podAffinity": required})
    world.pod("far", affinity={"podAntiAffinity": required})
    assert (world.chosen("near"), world.chosen("far")) == ("n1", "n2")
    world.pod("guarded", nodeName="n2", affinity={"podAntiAffinity": required})
    world.pod("second", labels={"app": "web"}, nodeSelector={"kubernetes.io/hostname": "n2"})
    assert "didn't satisfy existing pods anti-affinity rules" in world.refusal("second")


def test_the_first_of_a_group_that_wants_company_is_let_in(world: World) -> None:
    world.node("n1")
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world.pod("first", labels={"app": "web"}, affinity=affinity)
    world.pod("stranger", affinity=affinity)
    assert world.chosen("first") == "n1"
    assert "didn't match pod affinity rules" in world.refusal("stranger")


def test_constraints_spread_pods_over_domains(world: World) -> None:
    world.node("n1", labels={"zone": "a"})
    world.node("n2", labels={"zone": "b"})
    world.node("n3")
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}},
        }
    ]
    world.pod("there", nodeName="n1", labels={"app": "web"})
    world.pod("p", labels={"app": "web"}, topologySpreadConstraints=spread)
    assert world.chosen() == "n2"


def test_replicas_of_one_set_spread_over_nodes_by_default(world: World) -> None:
    for name in ("n1", "n2"):
        world.node(name)
    selector = {"matchLabels": {"app": "web"}}
    world.put("replicasets.apps", "rs", "default", spec={"selector": selector})
    owner = {"ownerReferences": [{"kind": "ReplicaSet", "name": "rs", "uid": "uid-rs", "controller": True}]}
    world.pod("there", nodeName="n1", labels={"app": "web"})
    pod = world.pod("p", labels={"app": "web"})
    world.put("pods", "p", "default", metadata={**owner, "labels": {"app": "web"}}, spec=pod["spec"], status={})
    assert world.chosen() == "n2"


def test_a_higher_priority_evicts_the_least_and_waits_for_it_to_leave(world: World) -> None:
    world.node("n1", cpu="2")
    small = world.pod("small", cpu="1", nodeName="n1", priority=1)
    world.pod("other", cpu="1", nodeName="n1", priority=5)
    pod = world.pod("p", cpu="1", priority=10)
    actions = world.schedule()
    (gone,) = [a for a in actions if isinstance(a, Delete)]
    assert gone.name == "small"
    patch = next(a for a in actions if isinstance(a, Patch) and a.name == "p")
    assert patch.body["status"]["nominatedNodeName"] == "n1"
    leaving = {**small["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    world.put("pods", "small", "default", metadata={k: leaving[k] for k in ("deletionTimestamp",)}, spec=small["spec"])
    nominated = {"phase": "Pending", "nominatedNodeName": "n1"}
    world.put("pods", "p", "default", spec=pod["spec"], status=nominated)
    assert not [a for a in world.schedule() if isinstance(a, Delete)]


def test_room_that_was_made_for_a_pod_is_kept_for_it(world: World) -> None:
    world.node("n1", cpu="1")
    made = world.pod("first", cpu="1", priority=10)
    nominated = {"phase": "Pending", "nominatedNodeName": "n1"}
    world.put("pods", "first", "default", spec=made["spec"], status=nominated)
    world.pod("lower", cpu="1", priority=1)
    world.pod("higher", cpu="1", priority=100)
    assert "Insufficient cpu" in world.refusal("lower")
    assert world.chosen("first") == world.chosen("higher") == "n1"


def test_a_nomination_ends_where_no_room_can_be_made_any_more(world: World) -> None:
    world.node("n1", cpu="1")
    world.pod("there", cpu="1", priority=100, nodeName="n1")
    made = world.pod("p", cpu="1", priority=10)
    world.put("pods", "p", "default", spec=made["spec"], status={"phase": "Pending", "nominatedNodeName": "n1"})
    [patch] = [a for a in world.schedule() if isinstance(a, Patch)]
    assert patch.body["status"]["nominatedNodeName"] is None


def test_a_pod_that_never_preempts_says_so(world: World) -> None:
    world.node("n1", cpu="1")
    world.pod("small", cpu="1", nodeName="n1", priority=1)
    world.pod("p", cpu="1", priority=10, preemptionPolicy="Never")
    assert world.refusal().endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_gates_keep_a_pod_waiting_silently(world: World) -> None:
    world.node("n1")
    world.pod("p", schedulingGates=[{"name": "g"}])
    (patch,) = world.schedule()
    assert patch.body["status"]["conditions"][0]["reason"] == "SchedulingGated"


def claim(world: World, **spec: Any) -> Document:
    spec = {"storageClassName": "late", "accessModes": ["ReadWriteOnce"], **spec}
    spec["resources"] = {"requests": {"storage": "1Gi"}}
    return world.put("persistentvolumeclaims", "data", "default", spec=spec, status={"phase": "Pending"})


MOUNT = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]


def test_a_missing_or_unbound_claim_is_named(world: World) -> None:
    world.node("n1")
    world.pod("p", volumes=MOUNT)
    assert world.refusal().startswith(
        '0/1 nodes are available: persistentvolumeclaim "data" not found. no new claims to deallocate, preemption: '
    )
    claim(world, storageClassName="")
    assert "pod has unbound immediate PersistentVolumeClaims" in world.refusal()


def test_a_claim_that_waits_for_its_pod_learns_the_node_before_the_pod_is_bound(world: World) -> None:
    world.node("n1")
    late = {"provisioner": "knarr.dev/local-path", "volumeBindingMode": "WaitForFirstConsumer"}
    world.put("storageclasses.storage.k8s.io", "late", **late)
    claim(world)
    world.pod("p", volumes=MOUNT)
    (patch,) = world.schedule()
    assert patch.body == {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}}


def test_an_existing_volume_on_the_right_node_is_bound_to_such_a_claim(world: World) -> None:
    for name in ("n1", "n2"):
        world.node(name)
    world.put(
        "storageclasses.storage.k8s.io",
        "late",
        provisioner="kubernetes.io/no-provisioner",
        volumeBindingMode="WaitForFirstConsumer",
    )
    on_n2 = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n2"]}]}]
    spec = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "late",
        "nodeAffinity": {"required": {"nodeSelectorTerms": on_n2}},
    }
    world.put("persistentvolumes", "pv", spec=spec, status={"phase": "Available"})
    claim(world)
    world.pod("p", volumes=MOUNT)
    (update,) = world.schedule()
    assert isinstance(update, Update) and update.object["spec"]["claimRef"]["uid"] == "uid-data"


def test_a_bound_volume_keeps_its_pod_to_its_node(world: World) -> None:
    for name in ("n1", "n2"):
        world.node(name)
    on_n2 = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n2"]}]}]
    world.put("persistentvolumes", "pv", spec={"nodeAffinity": {"required": {"nodeSelectorTerms": on_n2}}})
    bound = claim(world, volumeName="pv")
    notes = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}
    world.put("persistentvolumeclaims", "data", "default", metadata=notes, spec=bound["spec"])
    world.pod("p", volumes=MOUNT)
    assert world.chosen() == "n2"

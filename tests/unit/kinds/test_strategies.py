import copy
from typing import Any

import pytest

from apimachinery.kinds import by_kind, named
from apimachinery.kinds.kind import Subresource
from apimachinery.strategies.qos import qos_class
from tests.unit.kinds.samples import created

Document = dict[str, Any]
NOW, LATER = "2026-01-02T03:04:05Z", "2026-01-02T04:00:00Z"


def subresource(resource: str, name: str) -> Subresource:
    return next(s for s in named(resource).subresources if s.name == name)


def pod(**spec: Any) -> Document:
    return {
        "metadata": {"name": "x", "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}], **spec},
    }


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed"),
        ([{"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}}], "Guaranteed"),
        ([{"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"limits": {"example.com/gpu": "1"}}], "BestEffort"),
    ],
)
def test_quality_of_service_follows_requests_and_limits(resources, expected):
    containers = [{"name": f"c{index}", "resources": each} for index, each in enumerate(resources)]
    assert qos_class({"containers": containers}) == expected


def test_a_new_pod_is_pending_whatever_status_it_comes_with():
    obj = created(named("pods"), pod() | {"status": {"phase": "Running"}})
    assert obj["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_gated_pod_says_that_it_is_not_scheduled_yet():
    (condition,) = created(named("pods"), pod(schedulingGates=[{"name": "example.com/wait"}]))["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "SchedulingGated")


def test_label_keys_become_part_of_the_selectors_of_a_pod():
    constraint = {"topologyKey": "zone", "labelSelector": {}, "matchLabelKeys": ["app", "absent"]}
    obj = created(named("pods"), pod(topologySpreadConstraints=[constraint]))
    assert obj["spec"]["topologySpreadConstraints"][0]["labelSelector"] == {
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]
    }


def test_a_status_update_of_a_pod_keeps_its_class_and_its_owners():
    old = created(named("pods"), pod())
    old["metadata"]["ownerReferences"] = [{"name": "owner"}]
    new = copy.deepcopy(old)
    del new["metadata"]["ownerReferences"]
    new["status"] = {"phase": "Running"}
    named("pods").prepare_status_update(new, old, LATER)
    assert new["status"] == {"phase": "Running", "qosClass": "BestEffort"}
    assert new["metadata"]["ownerReferences"] == [{"name": "owner"}]


def test_ephemeral_containers_are_all_that_their_subresource_takes():
    old = created(named("pods"), pod())
    new = copy.deepcopy(old)
    new["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "busybox"}]
    new["spec"]["containers"][0]["image"] = "other"
    new["metadata"]["labels"] = {}
    prepare = subresource("pods", "ephemeralcontainers").prepare_update
    assert prepare is not None
    prepare(new, old, LATER)
    assert new["spec"]["ephemeralContainers"] == [{"name": "debug", "image": "busybox"}]
    assert new["spec"]["containers"] == old["spec"]["containers"]
    assert new["metadata"]["labels"] == {"app": "x"}


def test_resources_are_all_that_a_resize_takes():
    old = created(named("pods"), pod())
    new = copy.deepcopy(old)
    new["spec"]["containers"][0] |= {"image": "other", "resources": {"requests": {"cpu": "1"}}}
    prepare = subresource("pods", "resize").prepare_update
    assert prepare is not None
    prepare(new, old, LATER)
    container = new["spec"]["containers"][0]
    assert (container["image"], container["resources"]) == ("nginx", {"requests": {"cpu": "1"}})


@pytest.mark.parametrize(
    ("spec", "phase", "requested", "seconds"),
    [
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", None, 30),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 5, 5),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 0, 0),
        ({"nodeName": "n", "terminationGracePeriodSeconds": -1}, "Running", None, 1),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Succeeded", 5, 0),
        ({"terminationGracePeriodSeconds": 30}, "Pending", None, 0),
    ],
)
def test_the_grace_of_a_deletion(spec, phase, requested, seconds):
    grace = named("pods").graceful_delete_seconds
    assert grace is not None
    assert grace({"spec": spec, "status": {"phase": phase}}, requested) == seconds


def test_a_job_selects_pods_by_its_uid():
    job = created(named("jobs.batch"))
    uid = job["metadata"]["uid"]
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    expected = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "sample",
        "controller-uid": uid,
        "job-name": "sample",
    }
    assert job["spec"]["template"]["metadata"]["labels"] == expected
    assert job["metadata"]["labels"] == expected


def test_a_job_with_a_selector_of_its_own_is_left_alone():
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [], "restartPolicy": "Never"}}
    spec = {"manualSelector": True, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    job = created(named("jobs.batch"), {"metadata": {"name": "x"}, "spec": spec})
    assert job["spec"]["selector"] == {"matchLabels": {"a": "b"}}
    assert job["spec"]["template"]["metadata"]["labels"] == {"a": "b"}


def test_a_daemon_set_counts_the_changes_of_its_template():
    kind, annotation = named("daemonsets.apps"), "deprecated.daemonset.template.generation"
    old = created(kind)
    assert old["metadata"]["annotations"] == {annotation: "1"}
    new = copy.deepcopy(old)
    new["spec"]["minReadySeconds"] = 5
    kind.prepare_update(new, old)
    assert new["metadata"]["annotations"] == {annotation: "1"}
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    kind.prepare_update(new, old)
    assert new["metadata"]["annotations"] == {annotation: "2"}


def test_a_namespace_is_active_and_waits_for_its_content_to_go():
    obj = created(named("namespaces"))
    assert (obj["status"], obj["spec"]) == ({"phase": "Active"}, {"finalizers": ["kubernetes"]})


def test_finalizers_of_a_namespace_change_through_finalize_only():
    kind = named("namespaces")
    old = created(kind)
    new = copy.deepcopy(old)
    new["spec"] = {}
    kind.prepare_update(new, old)
    assert new["spec"] == {"finalizers": ["kubernetes"]}


def test_a_claim_names_its_source_twice():
    kind = named("persistentvolumeclaims")
    source = {"kind": "PersistentVolumeClaim", "name": "other"}
    claim = created(kind, {"metadata": {"name": "x"}, "spec": {"dataSource": source}})
    assert claim["spec"]["dataSourceRef"] == source
    claim = created(kind, {"metadata": {"name": "x"}, "spec": {"dataSourceRef": source}})
    assert claim["spec"]["dataSource"] == source


def test_a_source_that_claims_never_had_is_dropped():
    source = {"apiGroup": "example.com", "kind": "Thing", "name": "other"}
    claim = created(named("persistentvolumeclaims"), {"metadata": {"name": "x"}, "spec": {"dataSource": source}})
    assert "dataSource" not in claim["spec"]
    assert "dataSourceRef" not in claim["spec"]


def test_a_volume_remembers_when_its_phase_changed():
    kind = named("persistentvolumes")
    old = created(kind)
    assert old["status"] == {"phase": "Pending", "lastPhaseTransitionTime": NOW}
    new = copy.deepcopy(old)
    kind.prepare_status_update(new, old, LATER)
    assert new["status"]["lastPhaseTransitionTime"] == NOW
    new["status"]["phase"] = "Available"
    kind.prepare_status_update(new, old, LATER)
    assert new["status"]["lastPhaseTransitionTime"] == LATER


def test_a_service_that_is_no_load_balancer_any_more_loses_the_addresses_of_one():
    kind = named("services")
    old = {"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    new = copy.deepcopy(old)
    new["spec"]["type"] = "ClusterIP"
    kind.prepare_update(new, old)
    assert new["status"] == {"loadBalancer": {}}


def test_only_the_approval_subresource_approves_a_request():
    kind = named("certificatesigningrequests.certificates.k8s.io")
    old = created(kind)
    approved = {"type": "Approved", "status": "True", "reason": "Fine"}
    new = copy.deepcopy(old)
    new["status"] = {"conditions": [approved]}
    new["spec"]["signerName"] = "example.com/other"
    prepare = subresource(kind.resource, "approval").prepare_update
    assert prepare is not None
    prepare(new, old, LATER)
    assert new["spec"] == old["spec"]
    assert new["status"]["conditions"] == [approved | {"lastUpdateTime": LATER, "lastTransitionTime": LATER}]
    later = copy.deepcopy(new)
    later["status"] = {"conditions": [{**approved, "reason": "Forged"}], "certificate": "QQ=="}
    kind.prepare_status_update(later, new, LATER)
    assert later["status"]["conditions"] == new["status"]["conditions"]
    assert later["status"]["certificate"] == "QQ=="


def test_a_definition_remembers_every_version_it_stored():
    kind = named("customresourcedefinitions.apiextensions.k8s.io")
    old = created(kind)
    assert old["status"]["storedVersions"] == ["v1"]
    new = copy.deepcopy(old)
    new["spec"]["versions"] = [{"name": "v2", "served": True, "storage": True}]
    kind.prepare_update(new, old)
    assert new["status"]["storedVersions"] == ["v1", "v2"]


def test_a_group_without_a_service_is_available_at_once():
    kind = named("apiservices.apiregistration.k8s.io")
    obj = created(kind, {"metadata": {"name": "v1.apps"}, "spec": {"group": "apps", "version": "v1"}})
    (condition,) = obj["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Available", "True", "Local")


def test_events_of_both_groups_are_one():
    kind = by_kind("events.k8s.io", "v1", "Event")
    assert kind is not None and kind.to_stored is not None and kind.from_stored is not None
    new = created(kind)
    stored = kind.to_stored(copy.deepcopy(new))
    assert stored["apiVersion"] == "v1"
    assert stored["involvedObject"] == new["regarding"]
    assert stored["message"] == new["note"]
    assert stored["reportingComponent"] == new["reportingController"]
    assert kind.from_stored(stored) == new


def test_an_old_autoscaler_keeps_what_it_cannot_say_in_annotations():
    kind = by_kind("autoscaling", "v1", "HorizontalPodAutoscaler")
    assert kind is not None and kind.to_stored is not None and kind.from_stored is not None
    memory = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    stored = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "Deployment", "name": "x"},
            "metrics": [{"type": "Resource", "resource": cpu}, {"type": "Resource", "resource": memory}],
        },
        "status": {"currentReplicas": 1, "desiredReplicas": 1, "currentMetrics": None},
    }
    old = kind.from_stored(copy.deepcopy(stored))
    assert old["apiVersion"] == "autoscaling/v1"
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert "memory" in old["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    back = kind.to_stored(old)
    assert sorted(m["resource"]["name"] for m in back["spec"]["metrics"]) == ["cpu", "memory"]
    assert not back["metadata"].get("annotations")


def test_fields_of_pods_can_be_selected_by():
    pod_ = {"spec": {"nodeName": "n", "hostNetwork": True}, "status": {"phase": "Running", "podIPs": [{"ip": "::1"}]}}
    fields = named("pods").selectable_fields(pod_)
    assert (fields["spec.nodeName"], fields["status.phase"], fields["status.podIP"]) == ("n", "Running", "::1")
    assert fields["spec.hostNetwork"] == "true"


@pytest.mark.parametrize(
    ("resource", "obj", "field", "value"),
    [
        ("secrets", {"type": "Opaque"}, "type", "Opaque"),
        ("namespaces", {"status": {"phase": "Active"}}, "status.phase", "Active"),
        ("nodes", {}, "spec.unschedulable", "false"),
        ("jobs.batch", {"status": {"succeeded": 2}}, "status.successful", "2"),
        ("events", {"involvedObject": {"name": "x"}}, "involvedObject.name", "x"),
        ("certificatesigningrequests.certificates.k8s.io", {"spec": {"signerName": "a/b"}}, "spec.signerName", "a/b"),
    ],
)
def test_fields_of_other_kinds_can_be_selected_by(resource, obj, field, value):
    assert named(resource).selectable_fields(obj)[field] == value


@pytest.mark.parametrize("resource", ["deployments.apps", "replicasets.apps", "statefulsets.apps"])
def test_sets_of_pods_scale(resource):
    paths = named(resource).scale_paths
    assert paths is not None
    assert paths[0] == "spec.replicas"

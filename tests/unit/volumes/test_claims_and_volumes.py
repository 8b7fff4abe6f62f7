"""Claims find volumes, volumes outlive or go with their claims; also with watches that misbehave."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.volumes import claims, ephemeral, protection, volumes
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
CONTROLLERS = (
    claims.controller("/volumes"),
    volumes.CONTROLLER,
    ephemeral.CONTROLLER,
    protection.CLAIM_CONTROLLER,
    protection.VOLUME_CONTROLLER,
)


class Disk:
    """Stands in for the effects on directories."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.removed: list[str] = []

    def effects(self) -> dict[str, Any]:
        async def make(arguments: Document, surroundings: Any) -> None:
            self.made.append(arguments["path"])

        async def remove(arguments: Document, surroundings: Any) -> None:
            self.removed.append(arguments["path"])

        return {"make_volume_directory": make, "remove_volume_directory": remove}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Cluster(World):
    """A world with a default class, a disk, and short words for what the tests do."""

    def __init__(self, mode: str) -> None:
        self.disk = Disk()
        super().__init__(CONTROLLERS, mode=mode, effects=self.disk.effects())
        self.storage_class("standard")

    def storage_class(self, name: str, provisioner: str = claims.PROVISIONER, **more: Any) -> None:
        self.api.add("storageclasses.storage.k8s.io", {"metadata": {"name": name}, "provisioner": provisioner, **more})

    def claim(self, name: str = "data", size: str = "100Mi", **spec: Any) -> Document:
        wanted = {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"], **spec}
        wanted["resources"] = {"requests": {"storage": size}}
        meta = {"name": name, "namespace": "default", "finalizers": [protection.CLAIM_FINALIZER]}
        return self.api.add("persistentvolumeclaims", {"metadata": meta, "spec": wanted})

    def volume(self, name: str, size: str = "1Gi", **spec: Any) -> Document:
        wanted = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual"}
        return self.api.add("persistentvolumes", {"metadata": {"name": name}, "spec": {**wanted, **spec}})

    def found(self, name: str = "data") -> Document:
        return self.api.find("persistentvolumeclaims", name)

    def phase(self, resource: str, name: str) -> str:
        return str((self.api.find(resource, name).get("status") or {}).get("phase"))

    def delete(self, resource: str, name: str, namespace: str = "default") -> None:
        self.api.remove(resource, self.api.find(resource, name, namespace))


@pytest.fixture
async def cluster(mode: str) -> Cluster:
    return Cluster(mode)


async def test_a_claim_gets_a_directory_of_its_own_and_both_are_bound(cluster: Cluster) -> None:
    cluster.claim()
    await cluster.settle()
    volume = cluster.api.find("persistentvolumes", cluster.found()["spec"]["volumeName"])
    assert cluster.phase("persistentvolumeclaims", "data") == "Bound"
    assert cluster.phase("persistentvolumes", volume["metadata"]["name"]) == "Bound"
    assert cluster.found()["status"]["capacity"] == {"storage": "100Mi"}
    assert set(cluster.disk.made) == {volume["spec"]["hostPath"]["path"]}
    assert volume["spec"]["hostPath"]["path"].startswith("/volumes/pvc-")


async def test_a_volume_that_is_there_is_taken_before_one_is_made_and_the_smallest_that_will_do(
    cluster: Cluster,
) -> None:
    cluster.storage_class("manual", "kubernetes.io/no-provisioner")
    for name, size in (("large", "10Gi"), ("fitting", "1Gi"), ("small", "1Mi")):
        cluster.volume(name, size)
    cluster.claim(storageClassName="manual")
    await cluster.settle()
    assert cluster.found()["spec"]["volumeName"] == "fitting"
    assert cluster.phase("persistentvolumes", "large") == "Available"


async def test_a_claim_without_a_class_or_a_volume_waits_and_says_why(cluster: Cluster) -> None:
    cluster.claim(storageClassName="")
    await cluster.settle()
    assert cluster.phase("persistentvolumeclaims", "data") == "Pending"
    assert set(cluster.events.messages("FailedBinding")) == {
        "no persistent volumes available for this claim and no storage class is set"
    }
    cluster.volume("late", storageClassName="")
    await cluster.settle()
    assert cluster.phase("persistentvolumeclaims", "data") == "Bound"


async def test_a_bound_claim_says_the_attributes_of_its_volume_and_keeps_what_others_say(cluster: Cluster) -> None:
    cluster.claim(storageClassName="", volumeAttributesClassName="gold")
    cluster.volume("v", storageClassName="", volumeAttributesClassName="gold")
    await cluster.settle()
    status = cluster.found()["status"]
    assert status["currentVolumeAttributesClassName"] == "gold"
    other = {**status, "currentVolumeAttributesClassName": "silver", "allocatedResources": {"storage": "1Gi"}}
    cluster.api.change("persistentvolumeclaims", cluster.found(), status=other)
    writes = len(cluster.api.writes)
    await cluster.settle()
    assert (cluster.found()["status"], len(cluster.api.writes)) == (other, writes)


async def test_a_class_that_waits_for_the_first_consumer_provisions_when_a_node_is_chosen(cluster: Cluster) -> None:
    cluster.storage_class("late", volumeBindingMode="WaitForFirstConsumer")
    cluster.claim(storageClassName="late")
    await cluster.settle()
    assert not cluster.disk.made and cluster.events.messages("WaitForFirstConsumer")
    notes = {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}
    cluster.api.change("persistentvolumeclaims", cluster.found(), metadata=notes)
    await cluster.settle()
    assert cluster.phase("persistentvolumeclaims", "data") == "Bound"


async def test_what_was_provisioned_goes_with_its_claim_and_what_is_retained_stays(cluster: Cluster) -> None:
    cluster.storage_class("kept", reclaimPolicy="Retain")
    cluster.claim("gone")
    cluster.claim("stays", storageClassName="kept")
    await cluster.settle()
    kept = cluster.found("stays")["spec"]["volumeName"]
    for name in ("gone", "stays"):
        cluster.delete("persistentvolumeclaims", name)
    await cluster.settle()
    assert [v["metadata"]["name"] for v in cluster.api.all("persistentvolumes")] == [kept]
    assert cluster.phase("persistentvolumes", kept) == "Released"
    assert len(set(cluster.disk.removed)) == 1


async def test_a_claim_in_use_stays_until_its_pod_is_gone(cluster: Cluster) -> None:
    cluster.claim()
    mount = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"nodeName": "n1", "volumes": mount}}
    cluster.api.add("pods", pod)
    await cluster.settle()
    cluster.delete("persistentvolumeclaims", "data")
    await cluster.settle()
    assert cluster.found()["metadata"]["deletionTimestamp"]
    cluster.api.vanish("pods", cluster.api.find("pods", "p"))
    await cluster.settle()
    assert cluster.api.all("persistentvolumeclaims") == []


async def test_a_claim_whose_volume_vanished_is_lost(cluster: Cluster) -> None:
    cluster.claim()
    await cluster.settle()
    cluster.api.vanish("persistentvolumes", cluster.api.all("persistentvolumes")[0])
    await cluster.settle()
    assert cluster.phase("persistentvolumeclaims", "data") == "Lost"


async def test_a_class_that_is_not_ours_is_left_to_its_provisioner(cluster: Cluster) -> None:
    cluster.storage_class("theirs", "example.org/disk")
    cluster.claim(storageClassName="theirs")
    await cluster.settle()
    notes = cluster.found()["metadata"]["annotations"]
    assert notes["volume.kubernetes.io/storage-provisioner"] == "example.org/disk"
    assert cluster.events.messages("ExternalProvisioning") and not cluster.disk.made


async def test_what_a_directory_cannot_be_is_refused_by_name(cluster: Cluster) -> None:
    cluster.claim(volumeMode="Block")
    await cluster.settle()
    assert "block volumes are not supported" in cluster.events.messages("ProvisioningFailed")[0]


async def test_a_claim_grows_where_its_class_allows_that(cluster: Cluster) -> None:
    cluster.storage_class("elastic", allowVolumeExpansion=True)
    cluster.claim(storageClassName="elastic")
    await cluster.settle()
    spec = {**cluster.found()["spec"], "resources": {"requests": {"storage": "1Gi"}}}
    cluster.api.change("persistentvolumeclaims", cluster.found(), spec=spec)
    await cluster.settle()
    assert cluster.found()["status"]["capacity"] == {"storage": "1Gi"}


async def test_a_pods_own_claim_is_made_for_it(cluster: Cluster) -> None:
    template = {"spec": {"storageClassName": "standard", "resources": {"requests": {"storage": "1Gi"}}}}
    volume = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}
    pod = cluster.api.add("pods", {"metadata": {"name": "p", "namespace": "default"}, "spec": {"volumes": [volume]}})
    await cluster.settle()
    (owner,) = cluster.found("p-scratch")["metadata"]["ownerReferences"]
    assert owner["uid"] == pod["metadata"]["uid"] and owner["controller"]

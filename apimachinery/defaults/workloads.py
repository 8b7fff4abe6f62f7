"""The apps group and ReplicationController."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, unset
from apimachinery.defaults.pods import template
from apimachinery.defaults.volumes import claim_spec

REVISIONS = 10
PROGRESS_SECONDS = 600


def deployment(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "replicas", 1)
    unset(spec, "strategy", {})
    strategy = spec["strategy"]
    empty(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        unset(strategy, "rollingUpdate", {})
        unset(strategy["rollingUpdate"], "maxUnavailable", "25%")
        unset(strategy["rollingUpdate"], "maxSurge", "25%")
    unset(spec, "revisionHistoryLimit", REVISIONS)
    unset(spec, "progressDeadlineSeconds", PROGRESS_SECONDS)
    template(child(spec, "template"))
    unset(obj, "status", {})


def replica_set(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "replicas", 1)
    template(child(spec, "template"))
    _replicas_status(obj)


def replication_controller(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "replicas", 1)
    if spec.get("template") is not None:
        labels = (spec["template"].get("metadata") or {}).get("labels")
        if labels:
            empty(spec, "selector", dict(labels))
            empty(child(obj, "metadata"), "labels", dict(labels))
        template(spec["template"])
    _replicas_status(obj)


def _replicas_status(obj: Document) -> None:
    """``replicas`` is shown even when it is 0."""
    unset(obj, "status", {})
    unset(obj["status"], "replicas", 0)


def daemon_set(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "updateStrategy", {})
    strategy = spec["updateStrategy"]
    empty(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        unset(strategy, "rollingUpdate", {})
        unset(strategy["rollingUpdate"], "maxUnavailable", 1)
        unset(strategy["rollingUpdate"], "maxSurge", 0)
    unset(spec, "revisionHistoryLimit", REVISIONS)
    template(child(spec, "template"))
    unset(obj, "status", {})
    for count in ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"):
        unset(obj["status"], count, 0)


def stateful_set(obj: Document) -> None:
    spec = child(obj, "spec")
    empty(spec, "podManagementPolicy", "OrderedReady")
    unset(spec, "updateStrategy", {})
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        unset(strategy, "rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        unset(strategy["rollingUpdate"], "partition", 0)
    unset(spec, "persistentVolumeClaimRetentionPolicy", {})
    empty(spec["persistentVolumeClaimRetentionPolicy"], "whenDeleted", "Retain")
    empty(spec["persistentVolumeClaimRetentionPolicy"], "whenScaled", "Retain")
    unset(spec, "replicas", 1)
    unset(spec, "revisionHistoryLimit", REVISIONS)
    template(child(spec, "template"))
    for claim in items(spec, "volumeClaimTemplates"):
        claim["apiVersion"] = claim.get("apiVersion") or "v1"
        claim["kind"] = claim.get("kind") or "PersistentVolumeClaim"
        claim_spec(child(claim, "spec"))
        empty(child(claim, "status"), "phase", "Pending")
    _replicas_status(obj)
    unset(obj["status"], "availableReplicas", 0)

"""Jobs choose their own pods; DaemonSets count changes of their template."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
_NAME_LABELS = ("job-name", JOB_NAME)
_UID_LABELS = ("controller-uid", CONTROLLER_UID)


def create_job(job: Document) -> None:
    """The selector is the job's uid unless the user manages it; labels that the user chose are left for validation."""
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return
    template = spec["template"]
    template["metadata"] = template.get("metadata") or {}
    labels = template["metadata"]["labels"] = dict(template["metadata"].get("labels") or {})
    for label in _NAME_LABELS:
        labels.setdefault(label, metadata.get("name") or "")
    for label in _UID_LABELS:
        labels.setdefault(label, metadata.get("uid") or "")
    selector = spec["selector"] = dict(spec.get("selector") or {})
    selector["matchLabels"] = {CONTROLLER_UID: metadata.get("uid") or "", **(selector.get("matchLabels") or {})}


GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"


def create_daemon_set(obj: Document) -> None:
    """The count is an annotation in apps/v1 (a field of older versions)."""
    annotations = obj["metadata"]["annotations"] = dict(obj["metadata"].get("annotations") or {})
    given = annotations.get(GENERATION_ANNOTATION, "")
    annotations[GENERATION_ANNOTATION] = given if given.isdigit() and int(given) > 0 else "1"


def update_daemon_set(new: Document, old: Document) -> None:
    before = (old["metadata"].get("annotations") or {}).get(GENERATION_ANNOTATION, "0")
    count = int(before) if before.isdigit() else 0
    if new["spec"].get("template") != old["spec"].get("template"):
        count += 1
    annotations = new["metadata"]["annotations"] = dict(new["metadata"].get("annotations") or {})
    annotations[GENERATION_ANNOTATION] = str(count)

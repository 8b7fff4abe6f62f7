"""Indexed Jobs: sets of indexes as text (``1,3-5,7``), and pods that bear one. Source: job/indexed_job_utils.go."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

ANNOTATION = "batch.kubernetes.io/job-completion-index"
VARIABLE = "JOB_COMPLETION_INDEX"


def parse(text_: str) -> set[int]:
    found: set[int] = set()
    for part in filter(None, text_.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def text(found: set[int]) -> str:
    """Runs of three or more, and of two, become ranges: ``1,3-5``."""
    runs: list[list[int]] = []
    for index in sorted(found):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in runs)


def of(pod: Document) -> int | None:
    value = (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return int(value) if value.isdigit() else None


def with_index(pod: Document, job: str, index: int) -> Document:
    """The pod of an index: annotated, labelled, named and told in its environment."""
    meta = {**pod["metadata"], "generateName": f"{job}-{index}-"}
    meta["annotations"] = {**(meta.get("annotations") or {}), ANNOTATION: str(index)}
    meta["labels"] = {**(meta.get("labels") or {}), ANNOTATION: str(index)}
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{ANNOTATION}']"}}
    spec = {**pod["spec"], "hostname": f"{job}-{index}"}
    for section in ("initContainers", "containers"):
        if spec.get(section):
            spec[section] = [_told(c, source) for c in spec[section]]
    return {**pod, "metadata": meta, "spec": spec}


def _told(container: Document, source: Document) -> Document:
    environment = container.get("env") or []
    if any(e["name"] == VARIABLE for e in environment):
        return container
    return {**container, "env": [*environment, {"name": VARIABLE, "valueFrom": source}]}

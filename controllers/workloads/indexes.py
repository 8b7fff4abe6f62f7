"""Indexed Jobs: sets of indexes as text (``1,3-5,7``), and pods that bear one. Source: job/indexed_job_utils.go."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

ANNOTATION = "batch.kubernetes.io/job-completion-index"
VARIABLE = "JOB_COMPLETION_INDEX"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
MAX_GENERATED_NAME = 58
"""Characters of a name before the five that the server adds."""


def parse(text_: str, completions: int | None = None) -> set[int]:
    """Those below ``completions``: a Job that shrank has no others."""
    found: set[int] = set()
    for part in filter(None, text_.split(",")):
        first, _, last = part.partition("-")
        end = int(last or first) + 1
        found.update(range(int(first), end if completions is None else min(end, completions)))
    return found


def text(found: set[int]) -> str:
    """Runs of three or more become ranges: ``1,3-5,7,8``."""
    runs: list[list[int]] = []
    for index in sorted(found):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(a) if a == b else f"{a}{',' if b == a + 1 else '-'}{b}" for a, b in runs)


def of(pod: Document, completions: int | None = None) -> int | None:
    """None where it has none, or one that the Job does not have (any more)."""
    value = (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    if not value.isdigit() or (completions is not None and int(value) >= completions):
        return None
    return int(value)


def with_index(pod: Document, job: str, index: int) -> Document:
    """The pod of an index: annotated, labelled, named and told in its environment."""
    suffix = f"-{index}-"
    meta = {**pod["metadata"], "generateName": job[: MAX_GENERATED_NAME - len(suffix)] + suffix}
    meta["annotations"] = {**(meta.get("annotations") or {}), ANNOTATION: str(index)}
    meta["labels"] = {**(meta.get("labels") or {}), ANNOTATION: str(index)}
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{ANNOTATION}']"}}
    spec = {**pod["spec"], "hostname": f"{job}-{index}"}
    for section in ("initContainers", "containers"):
        if spec.get(section):
            spec[section] = [_told(c, source) for c in spec[section]]
    return {**pod, "metadata": meta, "spec": spec}


def failures(pod: Document, which: str = FAILURES) -> int:
    """How often pods of its index had failed when it was made; ``which`` is FAILURES or IGNORED."""
    value = (pod["metadata"].get("annotations") or {}).get(which, "")
    return int(value) if value.isdigit() and int(value) < 2**31 else 0


def _told(container: Document, source: Document) -> Document:
    environment = container.get("env") or []
    if any(e["name"] == VARIABLE for e in environment):
        return container
    return {**container, "env": [*environment, {"name": VARIABLE, "valueFrom": source}]}

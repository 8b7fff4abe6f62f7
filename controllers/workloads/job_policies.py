"""What a Job's podFailurePolicy makes of a failed pod, and its successPolicy of the indexes that succeeded.

Source: pkg/controller/job/pod_failure_policy.go, success_policy.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from controllers.workloads import indexes

Document = dict[str, Any]

FAIL_JOB, FAIL_INDEX, IGNORE, COUNT = "FailJob", "FailIndex", "Ignore", "Count"


class Verdict(NamedTuple):
    """``action`` is empty where no rule matches: the failure counts. ``message`` is that of a Job that fails."""

    action: str = ""
    message: str = ""

    @property
    def counts(self) -> bool:
        return self.action != IGNORE


def judge(job: Document, pod: Document) -> Verdict:
    """By the first rule that matches."""
    meta = pod["metadata"]
    for number, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = rule["action"]
        if rule.get("onExitCodes") is not None:
            found = _exited(pod, rule["onExitCodes"])
            if found is None:
                continue
            code = found["state"]["terminated"]["exitCode"]
            what = f"Container {found['name']} for pod {meta['namespace']}/{meta['name']} failed with exit code {code}"
        else:
            type_ = _condition(pod, rule.get("onPodConditions") or ())
            if not type_:
                continue
            what = f"Pod {meta['namespace']}/{meta['name']} has condition {type_}"
        message = f"{what} matching {action} rule at index {number}" if action == FAIL_JOB else ""
        return Verdict(action, message)
    return Verdict()


def success(job: Document, succeeded: set[int]) -> str:
    """The message about the rule of the successPolicy that is met; empty where none is."""
    if not succeeded:
        return ""
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            required = indexes.parse(rule["succeededIndexes"], job["spec"].get("completions"))
            reached = required & succeeded
            met = bool(required) and (reached == required or (count is not None and len(reached) >= count))
        else:
            met = count is not None and len(succeeded) >= count
        if met:
            return f"Matched rules at index {number}"
    return ""


def _exited(pod: Document, wanted: Document) -> Document | None:
    """The status of a container whose exit code is meant."""
    status = pod.get("status") or {}
    for container in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        ended = (container.get("state") or {}).get("terminated")
        if not ended or not ended.get("exitCode"):
            continue
        if wanted.get("containerName") not in (None, container["name"]):
            continue
        among = ended["exitCode"] in (wanted.get("values") or ())
        if among == (wanted["operator"] == "In"):
            return container
    return None


def _condition(pod: Document, patterns: list[Document]) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        for pattern in patterns:
            if (condition["type"], condition["status"]) == (pattern["type"], pattern.get("status", "True")):
                return condition["type"]
    return ""

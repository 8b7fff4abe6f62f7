"""How long a Job waits before it replaces a failed pod. Source: pkg/controller/job/backoff_utils.go.

Upstream remembers how often pods failed since the last success; here it is read off the pods that are still there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import parse
from controllers.workloads import pods

Document = dict[str, Any]

FIRST_SECONDS, LAST_SECONDS = 10.0, 600.0


def remaining(failures: int, last: datetime | None, now: datetime) -> float:
    """Seconds until a pod may be made after ``failures`` in a row, the last of them at ``last``: 10 s, doubled."""
    if not failures or last is None:
        return 0.0
    delay = min(FIRST_SECONDS * 2 ** min(failures - 1, 10), LAST_SECONDS)
    return max(0.0, (last + timedelta(seconds=delay) - now).total_seconds())


def of_job(succeeded: Iterable[Document], failed: Iterable[Document], now: datetime) -> float:
    """Seconds for a Job whose pods ended so."""
    last_success = max(map(finish_time, succeeded), default=None)
    since = [t for t in map(finish_time, failed) if last_success is None or t > last_success]
    return remaining(len(since), max(since, default=None), now)


def finish_time(pod: Document) -> datetime:
    """When its last container ended, sidecars included; else when it stopped being ready or began to be deleted."""
    meta, status = pod["metadata"], pod.get("status") or {}
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    containers = [
        *(status.get("containerStatuses") or ()),
        *(s for s in status.get("initContainerStatuses") or () if s["name"] in sidecars),
    ]
    ends = [((s.get("state") or {}).get("terminated") or {}).get("finishedAt") for s in containers]
    if ends and all(ends):
        return max(parse(end) for end in ends if end)
    ready = pods.condition(pod, "Ready")
    if ready is not None and ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return parse(ready["lastTransitionTime"])
    if meta.get("deletionTimestamp"):
        return parse(meta["deletionTimestamp"]) - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)
    return parse(meta["creationTimestamp"])

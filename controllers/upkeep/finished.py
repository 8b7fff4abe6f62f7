"""Jobs that have ended go after their ttlSecondsAfterFinished. Source: pkg/controller/ttlafterfinished."""

from __future__ import annotations

from datetime import datetime, timedelta

from apimachinery.timestamps import parse
from controllers.actions import Action, Delete, Requeue
from controllers.controller import Controller, Key, Reader, Watch, own_key
from controllers.workloads import jobs, pods


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    job = reader.get(jobs.JOBS, *key)
    if job is None or pods.is_deleting(job) or not jobs.is_finished(job):
        return []
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None:
        return []
    ended = next(
        c["lastTransitionTime"]
        for c in job["status"]["conditions"]
        if c["type"] in (jobs.COMPLETE, jobs.FAILED) and c["status"] == "True"
    )
    left = (parse(ended) + timedelta(seconds=seconds) - now).total_seconds()
    if left > 0:
        return [Requeue(left)]
    meta = job["metadata"]
    return [
        Delete(
            jobs.JOBS,
            meta["namespace"],
            meta["name"],
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            propagation="Foreground",
        )
    ]


CONTROLLER = Controller(name="ttl-after-finished-controller", watches=(Watch(jobs.JOBS, own_key),), reconcile=reconcile)

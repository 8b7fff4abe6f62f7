"""Jobs: pods that run to their end, as often as wanted. Source: pkg/controller/job.

A finished pod is counted exactly once: each pod bears a finalizer until its uid is noted in the status
(uncountedTerminatedPods), and becomes a number there only after the finalizer is gone.

Left out: podFailurePolicy, successPolicy, backoffLimitPerIndex and maxFailedIndexes; a Job with one of them gets a
warning event and is not run. managedBy of another controller is left to that one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from apimachinery.selectors import from_document
from apimachinery.timestamps import parse, rfc3339
from controllers.actions import Action, Event, Patch, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key
from controllers.workloads import conditions, indexes, pods, refs, replicas, templates

Document = dict[str, Any]

JOBS = "jobs.batch"
FINALIZER = "batch.kubernetes.io/job-tracking"
MANAGER = "kubernetes.io/job-controller"
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 10.0, 600.0
COOLDOWN_SECONDS = 0.03
COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
MET, TARGET = "SuccessCriteriaMet", "FailureTarget"
_LEFT_OUT = ("podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes")


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    job = reader.get(JOBS, *key)
    if job is None or job["spec"].get("managedBy", MANAGER) != MANAGER:
        return []
    candidates = refs.owned_or_adoptable("pods", job, reader)
    mine, claims = refs.claim("pods", job, candidates, from_document(job["spec"]["selector"]))
    if claims:
        return claims
    if is_finished(job) or pods.is_deleting(job):
        return _release(job, mine)
    refused = [f for f in _LEFT_OUT if f in job["spec"]]
    if refused:
        message = f"Jobs with spec.{refused[0]} are not supported by this cluster"
        return [Event(job, "Warning", "FieldNotSupported", message)]
    return _Sync(job, mine, now).actions()


def is_finished(job: Document) -> bool:
    found = (job.get("status") or {}).get("conditions")
    return any((c := conditions.find(found, t)) is not None and c["status"] == "True" for t in (COMPLETE, FAILED))


def _release(job: Document, mine: list[Document]) -> list[Action]:
    """What is over no longer holds its pods."""
    return [_without_finalizer(p) for p in mine if _has_finalizer(p)]


class _Sync:
    def __init__(self, job: Document, mine: list[Document], now: datetime) -> None:
        self.job, self.mine, self.now = job, mine, now
        self.spec = job["spec"]
        self.before: Document = job.get("status") or {}
        self.status: Document = dict(self.before)
        self.status["conditions"] = list(self.before.get("conditions") or ())
        self.indexed = self.spec.get("completionMode") == "Indexed"
        self.suspended = bool(self.spec.get("suspend"))
        self.parallelism: int = self.spec.get("parallelism", 1)
        self.completions: int | None = self.spec.get("completions")
        self.events: list[Action] = []
        self.waits: list[float] = []

    def actions(self) -> list[Action]:
        done, failed = self._count_finished()
        active = [p for p in self.mine if pods.is_active(p)]
        finished = self._verdict(done, failed, active)
        changes: list[Action] = []
        if finished is not None:
            changes = [replicas.removal(self.job, p) for p in active]
            self._finish(finished, active)
        else:
            self._suspend_or_resume()
            changes = self._manage(active, done, failed)
        # Only pods that this write brings into the status may lose their finalizer after it.
        return [*self._write(active), *self._free_counted(), *changes, *self.events, *map(Requeue, self.waits)]

    def _count_finished(self) -> tuple[int, int]:
        """Brings succeeded, failed and uncountedTerminatedPods up to date; the totals with the uncounted."""
        uncounted = {k: list(v) for k, v in (self.before.get("uncountedTerminatedPods") or {}).items()}
        held = {p["metadata"]["uid"]: p for p in self.mine if _has_finalizer(p)}
        totals = {}
        for name, test in (("succeeded", _has_succeeded), ("failed", self._has_failed)):
            noted = uncounted.get(name, [])
            still = [uid for uid in noted if uid in held]
            self.status[name] = (self.before.get(name) or 0) + len(noted) - len(still)
            known = {u for v in uncounted.values() for u in v}
            fresh = [uid for uid, pod in held.items() if uid not in known and test(pod)]
            if name == "succeeded" and self.indexed:
                fresh = self._index_of_success(fresh, held)
            uncounted[name] = [*still, *fresh]
            totals[name] = self.status[name] + len(uncounted[name])
        self.status["uncountedTerminatedPods"] = {k: v for k, v in uncounted.items() if v}
        if self.indexed:
            return len(indexes.parse(self.status.get("completedIndexes", ""))), totals["failed"]
        return totals["succeeded"], totals["failed"]

    def _has_failed(self, pod: Document) -> bool:
        """A pod that is deleted before it ends has failed, too: it may never come to say so."""
        if pods.phase(pod) == "Failed":
            return True
        only_failed = self.spec.get("podReplacementPolicy") == "Failed"
        return not only_failed and pods.is_deleting(pod) and not _has_succeeded(pod)

    def _index_of_success(self, fresh: list[str], held: dict[str, Document]) -> list[str]:
        """Notes the completed indexes; a second success of one index counts for nothing but is noted all the same."""
        completed = indexes.parse(self.status.get("completedIndexes", ""))
        found = {indexes.of(held[uid]) for uid in fresh}
        self.status["completedIndexes"] = indexes.text(completed | {i for i in found if i is not None})
        return fresh

    def _free_counted(self) -> list[Action]:
        noted = {uid for uids in self.status["uncountedTerminatedPods"].values() for uid in uids}
        return [_without_finalizer(p) for p in self.mine if p["metadata"]["uid"] in noted and _has_finalizer(p)]

    def _verdict(self, done: int, failed: int, active: list[Document]) -> tuple[str, str, str] | None:
        """(condition, reason, message) of a Job that is over."""
        limit = self.spec.get("backoffLimit", 6)
        restarts = self._restarts(active)
        if failed > limit or (restarts > limit if limit else restarts > 0):
            return FAILED, "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        if self._past_deadline():
            return FAILED, "DeadlineExceeded", "Job was active longer than specified deadline"
        if self.completions is None:
            over = done > 0 and not active
        else:
            over = done >= self.completions and not self.suspended
        return (COMPLETE, "CompletionsReached", "Reached expected number of succeeded pods") if over else None

    def _restarts(self, active: list[Document]) -> int:
        """With restartPolicy OnFailure it is containers that fail, in pods that live on."""
        if (self.spec["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
            return 0
        statuses = (
            s
            for p in active
            if pods.phase(p) in ("Running", "Pending")
            for key in ("initContainerStatuses", "containerStatuses")
            for s in (p.get("status") or {}).get(key) or ()
        )
        return sum(s.get("restartCount", 0) for s in statuses)

    def _past_deadline(self) -> bool:
        seconds, started = self.spec.get("activeDeadlineSeconds"), self.status.get("startTime")
        if seconds is None or self.suspended or not started:
            return False
        left = (parse(started) + timedelta(seconds=seconds) - self.now).total_seconds()
        if left > 0:
            self.waits.append(left)
        return left <= 0

    def _finish(self, verdict: tuple[str, str, str], active: list[Document]) -> None:
        type_, reason, message = verdict
        first = MET if type_ == COMPLETE else TARGET
        self._put(conditions.make(first, True, reason, message, self.now))
        ending = [p for p in self.mine if not pods.is_final(p)]
        # The final condition waits until the pods are gone and counted.
        if active or ending or self.status["uncountedTerminatedPods"]:
            return
        self._put(conditions.make(type_, True, reason, message, self.now))
        if type_ == COMPLETE:
            self.status["completionTime"] = rfc3339(self.now)
            self.events.append(Event(self.job, "Normal", "Completed", "Job completed"))
        else:
            self.events.append(Event(self.job, "Warning", reason, message))

    def _suspend_or_resume(self) -> None:
        found = conditions.find(self.status["conditions"], SUSPENDED)
        was = found is not None and found["status"] == "True"
        if self.suspended and not was:
            self._put(conditions.make(SUSPENDED, True, "JobSuspended", "Job suspended", self.now))
            self.events.append(Event(self.job, "Normal", "Suspended", "Job suspended"))
            self.status.pop("startTime", None)
        elif not self.suspended:
            if was:
                self._put(conditions.make(SUSPENDED, False, "JobResumed", "Job resumed", self.now))
                self.events.append(Event(self.job, "Normal", "Resumed", "Job resumed"))
            self.status.setdefault("startTime", rfc3339(self.now))

    def _manage(self, active: list[Document], done: int, failed: int) -> list[Action]:
        ordered = sorted(active, key=lambda p: (pods.is_ready(p), p["metadata"].get("creationTimestamp", "")))
        if self.suspended:
            return self._dismiss(ordered)
        wanted = self._wanted_active(done, len(active))
        if len(active) > wanted:
            return self._dismiss(ordered[: len(active) - wanted])
        # A pod that is still ending counts, unless only failed ones are to be replaced and it may yet succeed.
        ending = sum(map(pods.is_terminating, self.mine))
        missing = wanted - len(active) - (ending if self.spec.get("podReplacementPolicy") == "Failed" else 0)
        if missing <= 0:
            return []
        left = self._backoff(failed)
        if left > 0:
            self.waits.append(left)
            return []
        return self._create(min(missing, replicas.BURST), active)

    def _dismiss(self, surplus: list[Document]) -> list[Action]:
        """Without their finalizer first: pods that are not wanted any more have not failed."""
        freed: list[Action] = [_without_finalizer(p) for p in surplus if _has_finalizer(p)]
        return [*freed, *(replicas.removal(self.job, p) for p in surplus)]

    def _wanted_active(self, done: int, active: int) -> int:
        if self.completions is None:
            # Once one has succeeded no more are made; the others run to their end.
            return min(active, self.parallelism) if done else self.parallelism
        return min(self.parallelism, max(0, self.completions - done))

    def _backoff(self, failed: int) -> float:
        """Seconds until a pod may be made after the last failure: 10, 20, 40, ... up to ten minutes."""
        times = [t for p in self.mine if pods.phase(p) == "Failed" and (t := finish_time(p)) is not None]
        if not times or not failed:
            return 0.0
        last = max(times)
        since_success = [t for p in self.mine if pods.phase(p) == "Succeeded" and (t := finish_time(p)) is not None]
        in_a_row = sum(1 for t in times if not since_success or t > max(since_success))
        if not in_a_row:
            return 0.0
        delay = min(FIRST_BACKOFF_SECONDS * 2 ** (in_a_row - 1), LAST_BACKOFF_SECONDS)
        return (last + timedelta(seconds=delay) - self.now).total_seconds()

    def _create(self, count: int, active: list[Document]) -> list[Action]:
        if not self.indexed:
            return [replicas.creation(self.job, {}, pod=self._pod()) for _ in range(count)]
        taken = indexes.parse(self.status.get("completedIndexes", "")) | {
            i for p in active if (i := indexes.of(p)) is not None
        }
        free = (i for i in range(self.completions or 0) if i not in taken)
        return [replicas.creation(self.job, {}, pod=self._pod(i)) for i, _ in zip(free, range(count))]

    def _pod(self, index: int | None = None) -> Document:
        pod = templates.pod_from(self.spec["template"], self.job)
        pod["metadata"]["finalizers"] = [*(pod["metadata"].get("finalizers") or ()), FINALIZER]
        return pod if index is None else indexes.with_index(pod, self.job["metadata"]["name"], index)

    def _write(self, active: list[Document]) -> list[Action]:
        status = self.status
        status["active"] = len(active)
        status["ready"] = sum(map(pods.is_ready, active))
        status["terminating"] = sum(map(pods.is_terminating, self.mine))
        for name in ("active", "succeeded", "failed"):
            if not status.get(name):
                status.pop(name, None)
        if not status["conditions"]:
            del status["conditions"]
        if status == self.before:
            return []
        return [Update(JOBS, {**self.job, "status": status}, subresource="status")]

    def _put(self, condition: Document) -> None:
        self.status["conditions"] = conditions.put(self.status["conditions"], condition)


def finish_time(pod: Document) -> datetime | None:
    """When its last container ended."""
    found = [
        s["state"]["terminated"].get("finishedAt")
        for s in (pod.get("status") or {}).get("containerStatuses") or ()
        if (s.get("state") or {}).get("terminated")
    ]
    times = [parse(t) for t in found if t]
    if times:
        return max(times)
    ready = pods.condition(pod, "Ready")
    stamp = (ready or {}).get("lastTransitionTime") or pod["metadata"].get("deletionTimestamp")
    return parse(stamp) if stamp else None


def _has_succeeded(pod: Document) -> bool:
    return pods.phase(pod) == "Succeeded"


def _has_finalizer(pod: Document) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def _without_finalizer(pod: Document) -> Patch:
    meta = pod["metadata"]
    body = {"metadata": {"uid": meta["uid"], "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
    return Patch("pods", meta["namespace"], meta["name"], body, kind="strategic", ignore_missing=True)


CONTROLLER = Controller(
    name="job-controller",
    watches=(Watch(JOBS, own_key), Watch("pods", refs.owner_key("Job", "batch"))),
    reconcile=reconcile,
    indices=(refs.orphan_index("pods"),),
    cooldown=COOLDOWN_SECONDS,
)

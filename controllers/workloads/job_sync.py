"""One look at a Job that is not over: what its status is to be, and which pods are made, let go or removed.

The order of writes is what makes the counts exact. A finished pod bears a finalizer until the status says that it was
counted (by its uid in uncountedTerminatedPods, or by its index), and becomes a number only after the finalizer is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import parse, rfc3339
from controllers.actions import Action, Event, Patch, Requeue, Update
from controllers.workloads import conditions, indexes, job_backoff, job_policies, pods, replicas, templates

Document = dict[str, Any]

JOBS = "jobs.batch"
FINALIZER = "batch.kubernetes.io/job-tracking"
COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
MET, TARGET = "SuccessCriteriaMet", "FailureTarget"
MAX_UNCOUNTED = 500
"""So many uids at most are noted at once: the status stays below 20 kB."""

_Verdict = tuple[str, str, str]
"""MET or TARGET, reason, message."""


class Sync:
    def __init__(self, job: Document, mine: list[Document], now: datetime) -> None:
        self.job, self.now, self.spec = job, now, job["spec"]
        self.before: Document = job.get("status") or {}
        self.status: Document = dict(self.before)
        self.status["conditions"] = list(self.before.get("conditions") or ())
        self.completions: int | None = self.spec.get("completions")
        self.indexed = self.spec.get("completionMode") == "Indexed"
        self.per_index: int | None = self.spec.get("backoffLimitPerIndex") if self.indexed else None
        self.suspended = bool(self.spec.get("suspend"))
        policy = self.spec.get("podFailurePolicy") is not None
        self.only_failed = policy or self.spec.get("podReplacementPolicy") == "Failed"
        self.mine = sorted(mine, key=lambda p: indexes.of(p) or 0) if self.indexed else mine
        self.held = [p for p in self.mine if has_finalizer(p)]
        self.active = [p for p in self.mine if pods.is_active(p)]
        self.failures = [p for p in self.mine if self._is_failed(p)]
        self.events: list[Action] = []
        self.waits: list[float] = []
        self._count()

    def actions(self, *, status_only: bool = False) -> list[Action]:
        """``status_only``: pods could not be made, and the status is to say what there is."""
        if not self.suspended:
            self.status.setdefault("startTime", rfc3339(self.now))
        verdict = self._verdict()
        removed, changes = self._remove_active() if verdict else ([], [])
        if verdict is None and not status_only:
            removed, changes = self._manage()
        made = [] if removed else changes
        if verdict is None:
            verdict = self._complete(len(self.active) - len(removed) + len(made))
            if verdict is None:
                self._suspend_or_resume()
        freed = self._note_finished(verdict)
        self._count_alive(removed)
        if verdict is not None:
            self._finish(verdict, freed)
        if made and not freed and self.status["conditions"] == list(self.before.get("conditions") or ()):
            # The pods bring us back here, and the status is then written once.
            return [*made, *map(Requeue, self.waits)]
        return [*self._write(), *map(without_finalizer, freed), *changes, *self.events, *map(Requeue, self.waits)]

    # What there is.

    def _count(self) -> None:
        """The totals with what the status does not count yet, and the indexes."""
        uncounted = self.before.get("uncountedTerminatedPods") or {}
        held = {p["metadata"]["uid"] for p in self.held}
        self.uncounted: dict[str, list[str]] = {}
        for name in ("succeeded", "failed"):
            noted = uncounted.get(name) or []
            self.uncounted[name] = [uid for uid in noted if uid in held]
            self.status[name] = (self.before.get(name) or 0) + len(noted) - len(self.uncounted[name])
        fresh = [p for p in self.held if not self.indexed or self._index(p) is not None]
        won = [p for p in fresh if has_succeeded(p) and p["metadata"]["uid"] not in self.uncounted["succeeded"]]
        lost = [p for p in fresh if self._is_failed(p) and p["metadata"]["uid"] not in self.uncounted["failed"]]
        self.failed = self.status["failed"] + len(self.uncounted["failed"]) + sum(self._counts(p) for p in lost)
        self.succeeded = self.status["succeeded"] + len(self.uncounted["succeeded"]) + len(won)
        self.done: set[int] = set()
        self.failed_indexes: set[int] = set()
        self.delayed: dict[int, Document] = {}
        if self.indexed:
            before = indexes.parse(self.before.get("completedIndexes") or "", self.completions)
            self.done = before | {i for p in won if (i := self._index(p)) is not None}
            self.succeeded = len(self.done)
        if self.per_index is not None:
            before = indexes.parse(self.before.get("failedIndexes") or "", self.completions)
            spent = {i for p in self.held if (i := self._index(p)) is not None and self._is_spent(p)}
            self.failed_indexes = before | spent
            self.delayed = self._delayed()

    def _index(self, pod: Document) -> int | None:
        return indexes.of(pod, self.completions)

    def _is_failed(self, pod: Document) -> bool:
        """A pod that is deleted before it ends has failed, too: it may never come to say so."""
        if pods.phase(pod) == "Failed":
            return True
        return not self.only_failed and pods.is_deleting(pod) and not has_succeeded(pod)

    def _counts(self, pod: Document) -> bool:
        return job_policies.judge(self.job, pod).counts

    def _is_spent(self, pod: Document) -> bool:
        """Whether its failure is the end of its index."""
        if not self._is_failed(pod):
            return False
        verdict = job_policies.judge(self.job, pod)
        if verdict.action == job_policies.FAIL_INDEX:
            return True
        return verdict.counts and indexes.failures(pod) >= (self.per_index or 0)

    def _delayed(self) -> dict[int, Document]:
        """By index, the failed pod that is kept until another takes over its count of failures."""
        settled = self.done | self.failed_indexes | {i for p in self.active if (i := self._index(p)) is not None}
        found: dict[int, Document] = {}
        for pod in self.held:
            index = self._index(pod)
            if index is None or index in settled or not self._is_failed(pod):
                continue
            other = found.get(index)
            if other is None or _failed_after(pod, other):
                found[index] = pod
        return found

    # Whether it is over.

    def _verdict(self) -> _Verdict | None:
        """What was found out before stays; failure goes before success."""
        for type_ in (MET, TARGET):
            known = conditions.find(self.before.get("conditions"), type_)
            if known is not None and known["status"] == "True":
                return type_, known.get("reason", ""), known.get("message", "")
        for pod in self.failures:
            if message := job_policies.judge(self.job, pod).message:
                return TARGET, "PodFailurePolicy", message
        if self.failed > self.spec.get("backoffLimit", 6) or self._restarted_too_often():
            return TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        if self._past_deadline():
            return TARGET, "DeadlineExceeded", "Job was active longer than specified deadline"
        if self.indexed:
            return self._verdict_on_indexes()
        return None

    def _verdict_on_indexes(self) -> _Verdict | None:
        most, lost = self.spec.get("maxFailedIndexes"), len(self.failed_indexes)
        if most is not None and lost > most:
            message = "Job has exceeded the specified maximal number of failed indexes"
            return TARGET, "MaxFailedIndexesExceeded", message
        if lost and lost + len(self.done) >= (self.completions or 0):
            return TARGET, "FailedIndexes", "Job has failed indexes"
        if message := job_policies.success(self.job, self.done):
            return MET, "SuccessPolicy", message
        return None

    def _restarted_too_often(self) -> bool:
        """With restartPolicy OnFailure it is containers that fail, in pods that live on."""
        if (self.spec["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
            return False
        limit = self.spec.get("backoffLimit", 6)
        restarts = sum(
            s.get("restartCount", 0)
            for p in self.mine
            if pods.phase(p) in ("Running", "Pending")
            for key in ("initContainerStatuses", "containerStatuses")
            for s in (p.get("status") or {}).get(key) or ()
        )
        return restarts >= limit if limit else restarts > 0

    def _past_deadline(self) -> bool:
        seconds, started = self.spec.get("activeDeadlineSeconds"), self.status.get("startTime")
        if seconds is None or self.suspended or not started:
            return False
        left = (parse(started) + timedelta(seconds=seconds) - self.now).total_seconds()
        if left > 0:
            self.waits.append(left)
        return left <= 0

    def _complete(self, active: int) -> _Verdict | None:
        if active or self.succeeded < (1 if self.completions is None else self.completions):
            return None
        return MET, "CompletionsReached", "Reached expected number of succeeded pods"

    # What is done about pods.

    def _remove_active(self) -> tuple[list[Document], list[Action]]:
        return self.active, [replicas.removal(self.job, p) for p in self.active]

    def _manage(self) -> tuple[list[Document], list[Action]]:
        """The pods that are removed, and the actions that do it; or none, and the actions that make some."""
        wanted = self._wanted()
        surplus = self._surplus(max(0, len(self.active) - wanted))[: replicas.BURST]
        if surplus:
            # Without their finalizer first: pods that are not wanted any more have not failed.
            freed = [without_finalizer(p) for p in surplus if has_finalizer(p)]
            return surplus, [*freed, *(replicas.removal(self.job, p) for p in surplus)]
        ending = sum(map(pods.is_terminating, self.mine)) if self.only_failed else 0
        missing = min(wanted - ending - len(self.active), replicas.BURST)
        return [], self._create(missing) if missing > 0 else []

    def _wanted(self) -> int:
        if self.suspended:
            return 0
        parallelism: int = self.spec.get("parallelism", 1)
        if self.completions is None:
            # Once one has succeeded no more are made; the others run to their end.
            return len(self.active) if self.succeeded else parallelism
        return max(0, min(parallelism, self.completions - self.succeeded))

    def _surplus(self, at_least: int) -> list[Document]:
        """Of an indexed Job, also those that have no index of its, or one that another has as well."""
        ordered = replicas.order_of_removal(self.active, self.active, self.now)
        if not self.indexed or self.suspended:
            return ordered[:at_least]
        kept: dict[int, Document] = {}
        gone = []
        for pod in reversed(ordered):
            index = self._index(pod)
            if index is None or index in kept:
                gone.append(pod)
            else:
                kept[index] = pod
        left = list(reversed(kept.values()))
        return [*gone, *left[: max(0, at_least - len(gone))]]

    def _create(self, count: int) -> list[Action]:
        if self.per_index is not None:
            return self._create_independent(count)
        won = (p for p in self.mine if has_succeeded(p))
        wait = job_backoff.of_job(won, self.failures, self.now)
        if wait:
            self.waits.append(wait)
            return []
        if not self.indexed:
            return [replicas.creation(self.job, {}, pod=self._pod()) for _ in range(count)]
        return [replicas.creation(self.job, {}, pod=self._pod(i)) for i in self._pending(count)]

    def _create_independent(self, count: int) -> list[Action]:
        """Each index backs off by itself."""
        waits: list[float] = []
        made: list[Action] = []
        for index in self._pending(count):
            last = self.delayed.get(index)
            wait = 0.0
            if last is not None:
                failures = indexes.failures(last) + indexes.failures(last, indexes.IGNORED) + 1
                wait = job_backoff.remaining(failures, job_backoff.finish_time(last), self.now)
            if wait:
                waits.append(wait)
            else:
                made.append(replicas.creation(self.job, {}, pod=self._pod_after(index, last)))
        if waits and not made:
            self.waits.append(min(waits))
        return made

    def _pending(self, count: int) -> list[int]:
        alive = [*self.active, *(filter(pods.is_terminating, self.mine) if self.only_failed else ())]
        taken = self.done | self.failed_indexes | {i for p in alive if (i := self._index(p)) is not None}
        free = (i for i in range(self.completions or 0) if i not in taken)
        return [i for i, _ in zip(free, range(count))]

    def _pod(self, index: int | None = None) -> Document:
        pod = templates.pod_from(self.spec["template"], self.job)
        pod["metadata"]["finalizers"] = [*dict.fromkeys((*(pod["metadata"].get("finalizers") or ()), FINALIZER))]
        return pod if index is None else indexes.with_index(pod, self.job["metadata"]["name"], index)

    def _pod_after(self, index: int, last: Document | None) -> Document:
        """The pod of an index, which says how often others of it have failed."""
        failures = {indexes.FAILURES: 0, indexes.IGNORED: 0}
        if last is not None:
            failures = {name: indexes.failures(last, name) for name in failures}
            failures[indexes.FAILURES if self._counts(last) else indexes.IGNORED] += 1
        pod = self._pod(index)
        annotations = pod["metadata"]["annotations"]
        annotations[indexes.FAILURES] = str(failures[indexes.FAILURES])
        if failures[indexes.IGNORED]:
            annotations[indexes.IGNORED] = str(failures[indexes.IGNORED])
        return pod

    # What the status says.

    def _note_finished(self, verdict: _Verdict | None) -> list[Document]:
        """Notes what is to be counted; the pods that may lose their finalizer once that is written."""
        freed: list[Document] = []
        fresh = 0
        for pod in self.held:
            if fresh + sum(map(len, self.uncounted.values())) >= MAX_UNCOUNTED:
                break
            failed = self._is_failed(pod)
            if not self._may_be_freed(pod, failed, over=verdict is not None):
                continue
            freed.append(pod)
            uid = pod["metadata"]["uid"]
            if has_succeeded(pod) and uid not in self.uncounted["failed"]:
                fresh += self.indexed
                if not self.indexed and uid not in self.uncounted["succeeded"]:
                    self.uncounted["succeeded"].append(uid)
            elif failed or (verdict is not None and verdict[0] == TARGET):
                known = uid in self.uncounted["failed"] or (self.indexed and self._index(pod) is None)
                if not known and self._counts(pod):
                    self.uncounted["failed"].append(uid)
        self.status["uncountedTerminatedPods"] = {k: v for k, v in self.uncounted.items() if v}
        if self.indexed:
            self.status["completedIndexes"] = indexes.text(self.done)
            self.status["succeeded"] = len(self.done)
            if self.per_index is not None:
                self.status["failedIndexes"] = indexes.text(self.failed_indexes)
        return freed

    def _may_be_freed(self, pod: Document, failed: bool, *, over: bool) -> bool:
        if over or has_succeeded(pod):
            return True
        if not failed:
            return False
        delayed = self.delayed.get(self._index(pod)) if self.per_index is not None else None  # type: ignore[arg-type]
        return delayed is not pod

    def _count_alive(self, removed: list[Document]) -> None:
        """As it is once those are removed."""
        gone = {p["metadata"]["uid"] for p in removed}
        staying = [p for p in self.active if p["metadata"]["uid"] not in gone]
        self.status["active"] = len(staying)
        self.status["ready"] = sum(map(pods.is_ready, staying))
        self.status["terminating"] = sum(map(pods.is_terminating, self.mine)) + len(removed)

    def _finish(self, verdict: _Verdict, freed: list[Document]) -> None:
        first, reason, message = verdict
        self._put(self._condition(first, True, reason, message))
        # The final condition waits until the pods are gone and counted.
        if freed or self.status["uncountedTerminatedPods"] or self.status["terminating"]:
            return
        type_ = COMPLETE if first == MET else FAILED
        self._put(self._condition(type_, True, reason, message))
        if type_ == FAILED:
            self.events.append(Event(self.job, "Warning", reason, message))
            return
        self.status["completionTime"] = rfc3339(self.now)
        if self.completions is not None and self.status["succeeded"] > self.completions:
            message = "Too many succeeded pods running after completion count reached"
            self.events.append(Event(self.job, "Warning", "TooManySucceededPods", message))
        self.events.append(Event(self.job, "Normal", "Completed", "Job completed"))

    def _suspend_or_resume(self) -> None:
        found = conditions.find(self.status["conditions"], SUSPENDED)
        was = found is not None and found["status"] == "True"
        if self.suspended and not was:
            self._put(self._condition(SUSPENDED, True, "JobSuspended", "Job suspended"))
            self.events.append(Event(self.job, "Normal", "Suspended", "Job suspended"))
            self.status.pop("startTime", None)
        elif was and not self.suspended:
            self._put(self._condition(SUSPENDED, False, "JobResumed", "Job resumed"))
            self.events.append(Event(self.job, "Normal", "Resumed", "Job resumed"))
            self.status["startTime"] = rfc3339(self.now)

    def _condition(self, type_: str, status: bool, reason: str, message: str) -> Document:
        made = conditions.make(type_, status, reason, message, self.now)
        return {**made, "lastProbeTime": made["lastTransitionTime"]}

    def _put(self, condition: Document) -> None:
        self.status["conditions"] = conditions.put(self.status["conditions"], condition)

    def _write(self) -> list[Action]:
        status = {k: v for k, v in self.status.items() if v or k not in _OMITTED}
        if status == self.before:
            return []
        return [Update(JOBS, {**self.job, "status": status}, subresource="status")]


_OMITTED = frozenset({"active", "succeeded", "failed", "completedIndexes", "conditions"})
"""Upstream's JSON leaves these out when they are zero or empty."""


def has_succeeded(pod: Document) -> bool:
    return pods.phase(pod) == "Succeeded"


def has_finalizer(pod: Document) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def without_finalizer(pod: Document) -> Patch:
    meta = pod["metadata"]
    body = {"metadata": {"uid": meta["uid"], "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
    return Patch("pods", meta["namespace"], meta["name"], body, kind="strategic", ignore_missing=True)


def is_finished(job: Document) -> bool:
    return _any_true((job.get("status") or {}).get("conditions") or ())


def _any_true(found: Iterable[Document]) -> bool:
    return any(c["type"] in (COMPLETE, FAILED) and c["status"] == "True" for c in found)


def _failed_after(pod: Document, other: Document) -> bool:
    def failures(of: Document) -> int:
        return indexes.failures(of) + indexes.failures(of, indexes.IGNORED)

    later = job_backoff.finish_time(pod) >= job_backoff.finish_time(other)
    return later and failures(pod) >= failures(other)

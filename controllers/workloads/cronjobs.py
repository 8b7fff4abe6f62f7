"""CronJobs: Jobs at their times. Source: pkg/controller/cronjob."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apimachinery.timestamps import parse, rfc3339
from controllers.actions import Action, Create, Delete, Event, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key
from controllers.workloads import conditions, jobs, pods, refs, schedules

Document = dict[str, Any]

CRON_JOBS = "cronjobs.batch"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
SKEW_SECONDS = 0.1
MAX_MISSED = 100


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    cron = reader.get(CRON_JOBS, *key)
    if cron is None:
        return []
    children = reader.indexed(jobs.JOBS, "owner", cron["metadata"]["uid"])
    return _Sync(cron, children, now).actions()


class _Sync:
    def __init__(self, cron: Document, children: list[Document], now: datetime) -> None:
        self.cron, self.now = cron, now
        self.spec = cron["spec"]
        self.children = {j["metadata"]["uid"]: j for j in children}
        self.before: Document = cron.get("status") or {}
        self.status: Document = dict(self.before)
        self.active: list[Document] = list(self.before.get("active") or ())
        self.events: list[Action] = []
        self.writes: list[Action] = []
        self.wait: list[Action] = []

    def actions(self) -> list[Action]:
        self._follow_children()
        self._clean_up()
        if not pods.is_deleting(self.cron):
            self._schedule()
        self.status["active"] = self.active
        if not self.active:
            del self.status["active"]
        update: list[Action] = []
        if self.status != self.before:
            update = [Update(CRON_JOBS, {**self.cron, "status": self.status}, subresource="status")]
        return [*self.writes, *update, *self.events, *self.wait]

    def _follow_children(self) -> None:
        listed = {r["uid"] for r in self.active}
        for uid, job in self.children.items():
            name = job["metadata"]["name"]
            if uid in listed and jobs.is_finished(job):
                done = next(c for c in job["status"]["conditions"] if c["type"] in (jobs.COMPLETE, jobs.FAILED))
                self.active = [r for r in self.active if r["uid"] != uid]
                message = f"Saw completed job: {name}, condition: {done['type']}"
                self.events.append(Event(self.cron, "Normal", "SawCompletedJob", message))
                ended = job["status"].get("completionTime")
                if ended and done["type"] == jobs.COMPLETE:
                    self.status["lastSuccessfulTime"] = max(ended, self.status.get("lastSuccessfulTime") or "")
            elif uid not in listed and not jobs.is_finished(job):
                if SCHEDULED in (job["metadata"].get("annotations") or {}):
                    # Made by us just before the status could be written.
                    self.active.append(_reference(job))
                else:
                    # By kubectl create job --from, for example.
                    message = f"Saw a job that the controller did not create or forgot: {name}"
                    self.events.append(Event(self.cron, "Warning", "UnexpectedJob", message))
        for reference in list(self.active):
            if reference["uid"] not in self.children:
                self.active.remove(reference)
                message = f"Active job went missing: {reference['name']}"
                self.events.append(Event(self.cron, "Normal", "MissingJob", message))

    def _clean_up(self) -> None:
        """The oldest of the finished beyond the limits."""
        limits = (
            (jobs.COMPLETE, self.spec.get("successfulJobsHistoryLimit")),
            (jobs.FAILED, self.spec.get("failedJobsHistoryLimit")),
        )
        for type_, limit in limits:
            if limit is None:
                continue
            found = [j for j in self.children.values() if _ended_as(j, type_)]
            found.sort(key=lambda j: ((j.get("status") or {}).get("startTime") or "", j["metadata"]["name"]))
            self.writes += [self._removal(j) for j in found[: max(0, len(found) - limit)]]

    def _schedule(self) -> None:
        schedule = self._parsed()
        if schedule is None or self.spec.get("suspend"):
            return
        upcoming = schedule.after(self.now)
        if upcoming is not None:
            self.wait = [Requeue((upcoming - self.now).total_seconds() + SKEW_SECONDS)]
        due = self._due(schedule)
        if due is None:
            return
        deadline = self.spec.get("startingDeadlineSeconds")
        if deadline is not None and due + timedelta(seconds=deadline) < self.now:
            when = due.strftime("%a, %d %b %Y %H:%M:%S GMT").replace("GMT", "UTC")
            message = f"Missed scheduled time to start a job: {when}"
            self.events.append(Event(self.cron, "Warning", "MissSchedule", message))
            return
        name = f"{self.cron['metadata']['name']}-{int(due.timestamp()) // 60}"
        if any(r["name"] == name for r in self.active) or self.status.get("lastScheduleTime") == rfc3339(due):
            return
        if any(j["metadata"]["name"] == name for j in self.children.values()):
            self.status["lastScheduleTime"] = rfc3339(due)
            return
        self._start(name, due, schedule.zone)

    def _start(self, name: str, due: datetime, zone: tzinfo) -> None:
        policy = self.spec.get("concurrencyPolicy", "Allow")
        if policy == "Forbid" and self.active:
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.events.append(Event(self.cron, "Normal", "JobAlreadyActive", message))
            return
        if policy == "Replace":
            self.writes += [self._removal(self.children[r["uid"]]) for r in self.active if r["uid"] in self.children]
            self.active = []
        template = self.spec["jobTemplate"]
        given = template.get("metadata") or {}
        stamp = due.astimezone(zone).isoformat().replace("+00:00", "Z")
        meta: Document = {
            "name": name,
            "namespace": self.cron["metadata"]["namespace"],
            "annotations": {**(given.get("annotations") or {}), SCHEDULED: stamp},
            "ownerReferences": [refs.controller_ref(self.cron)],
        }
        if given.get("labels"):
            meta["labels"] = dict(given["labels"])
        made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": template["spec"]}
        self.writes.append(
            Create(
                jobs.JOBS,
                made,
                done=Event(self.cron, "Normal", "SuccessfulCreate", "Created job {name}"),
                refused=Event(self.cron, "Warning", "FailedCreate", "Error creating job: {error}"),
            )
        )
        # The new Job brings us back here and is listed then.
        self.status["lastScheduleTime"] = rfc3339(due)

    def _parsed(self) -> schedules.Schedule | None:
        zone: tzinfo = UTC
        name = self.spec.get("timeZone")
        if name:
            try:
                zone = ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError) as error:
                message = f'invalid timeZone: "{name}": {error}'
                self.events.append(Event(self.cron, "Warning", "UnknownTimeZone", message))
                return None
        try:
            return schedules.parse(self.spec["schedule"], zone)
        except ValueError as error:
            message = f'unparseable schedule: "{self.spec["schedule"]}" : {error}'
            self.events.append(Event(self.cron, "Warning", "UnparseableSchedule", message))
            return None

    def _due(self, schedule: schedules.Schedule) -> datetime | None:
        """The latest time that has come and was not answered."""
        earliest = parse(self.status.get("lastScheduleTime") or self.cron["metadata"]["creationTimestamp"])
        deadline = self.spec.get("startingDeadlineSeconds")
        if deadline is not None:
            earliest = max(earliest, self.now - timedelta(seconds=deadline))
        latest, missed = None, 0
        found = schedule.after(earliest)
        while found is not None and found <= self.now:
            latest, missed = found, missed + 1
            if missed > MAX_MISSED:
                self._too_many()
                # After a long absence, what is missed is not counted one by one.
                earliest = max(found, self.now - (self.now - found) / 2)
                missed = 0
                found = schedule.after(earliest)
                continue
            found = schedule.after(found)
        return latest

    def _too_many(self) -> None:
        message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        event = Event(self.cron, "Warning", "TooManyMissedTimes", message)
        if event not in self.events:
            self.events.append(event)

    def _removal(self, job: Document) -> Delete:
        meta = job["metadata"]
        return Delete(
            jobs.JOBS,
            meta["namespace"],
            meta["name"],
            uid=meta["uid"],
            propagation="Background",
            done=Event(self.cron, "Normal", "SuccessfulDelete", "Deleted job {name}"),
            refused=Event(self.cron, "Warning", "FailedDelete", "Deleted job: {error}"),
        )


def _reference(job: Document) -> Document:
    meta = job["metadata"]
    return {
        "kind": "Job",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": "batch/v1",
    }


def _ended_as(job: Document, type_: str) -> bool:
    found = conditions.find((job.get("status") or {}).get("conditions"), type_)
    return found is not None and found["status"] == "True" and not pods.is_deleting(job)


def _of_job(job: Document, reader: Reader) -> Iterable[Key]:
    return refs.owner_key("CronJob", "batch")(job, reader)


CONTROLLER = Controller(
    name="cronjob-controller",
    watches=(Watch(CRON_JOBS, own_key), Watch(jobs.JOBS, _of_job)),
    reconcile=reconcile,
)

"""Deployments: ReplicaSets of one template after another. Source: pkg/controller/deployment.

One reconcile takes one step of a rollout, as upstream's sync does, and computes the status after it. The step's effect
on the ReplicaSets (and later on their pods) brings the Deployment back for the next one. Rolling back is kubectl's job.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.errors import AlreadyExists
from apimachinery.selectors import from_document
from controllers.actions import Action, Create, Delete, Event, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.workloads import conditions, deployment_sets, deployment_status, pods, refs

Document = dict[str, Any]

DEPLOYMENTS = "deployments.apps"
SETS = "replicasets.apps"
COOLDOWN_SECONDS = 0.03


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    deployment = reader.get(DEPLOYMENTS, *key)
    if deployment is None:
        return []
    if not any(deployment["spec"]["selector"].values()):
        return _selects_all(deployment)
    candidates = refs.owned_or_adoptable(SETS, deployment, reader)
    sets, claims = refs.claim(SETS, deployment, candidates, from_document(deployment["spec"]["selector"]))
    if claims:
        # The patches change the sets that the next steps would be based on.
        return claims
    return _Step(deployment, sets, reader, now).take()


def on_failure(key: Key, reader: Reader, now: datetime, error: Exception) -> list[Action]:
    """A new ReplicaSet could not be made: said in an event, and in Progressing where there is a deadline."""
    deployment = reader.get(DEPLOYMENTS, *key)
    if deployment is None or isinstance(error, AlreadyExists) or pods.is_deleting(deployment):
        return []
    owned = reader.indexed(SETS, "owner", deployment["metadata"]["uid"])
    if deployment_sets.find_new(deployment, owned) is not None:
        return []
    if any(c.get("reason") == "NamespaceTerminating" for c in getattr(error, "causes", ())):
        return []
    name = deployment_sets.new_set(deployment, 0)["metadata"]["name"]
    message = f'Failed to create new replica set "{name}": {error}'
    actions: list[Action] = [Event(deployment, "Warning", deployment_status.CREATE_ERROR, message)]
    if deployment_sets.has_deadline(deployment):
        status = deployment.get("status") or {}
        condition = deployment_status.progressing(False, deployment_status.CREATE_ERROR, message, now)
        found = conditions.put(status.get("conditions"), condition)
        if found != (status.get("conditions") or []):
            changed = {**deployment, "status": {**status, "conditions": found}}
            actions.append(Update(DEPLOYMENTS, changed, subresource="status"))
    return actions


def _selects_all(deployment: Document) -> list[Action]:
    message = "This deployment is selecting all pods. A non-empty selector is required."
    actions: list[Action] = [Event(deployment, "Warning", "SelectingAll", message)]
    status, generation = deployment.get("status") or {}, deployment["metadata"].get("generation", 0)
    if (status.get("observedGeneration") or 0) < generation:
        changed = {**deployment, "status": {**status, "observedGeneration": generation}}
        actions.append(Update(DEPLOYMENTS, changed, subresource="status"))
    return actions


class _Step:
    """One step of one Deployment. Sets are replaced in ``sets`` as they are changed, and written at the end."""

    def __init__(self, deployment: Document, sets: list[Document], reader: Reader, now: datetime) -> None:
        self.deployment = deployment
        self.wanted: int = deployment["spec"]["replicas"]
        self.reader = reader
        self.now = now
        self.sets = {s["metadata"]["name"]: s for s in deployment_sets.by_age(sets)}
        self.conditions: list[Document] = list((deployment.get("status") or {}).get("conditions") or ())
        self.revision = deployment_sets.annotations(deployment).get(deployment_sets.REVISION, "")
        self.changed: dict[str, Document] = {}
        self.actions: list[Action] = []
        self.events: list[Action] = []
        found = deployment_sets.find_new(deployment, sets)
        self.new_name = found["metadata"]["name"] if found else ""

    @property
    def new(self) -> Document | None:
        return self.sets.get(self.new_name)

    @property
    def old(self) -> list[Document]:
        """The oldest first."""
        return [s for name, s in self.sets.items() if name != self.new_name]

    def take(self) -> list[Action]:
        if pods.is_deleting(self.deployment):
            self._keep_up_new()
            return self._finish(rollout=False)
        self.conditions = deployment_status.after_pause(self.deployment, self.conditions, self.now)
        self._keep_up_new()
        if self.deployment["spec"].get("paused"):
            self._scale_all()
            self._clean_up()
            return self._finish(rollout=False)
        if self._was_scaled():
            self._scale_all()
            return self._finish(rollout=False)
        if deployment_sets.is_rolling(self.deployment):
            return self._roll()
        return self._recreate()

    def _roll(self) -> list[Action]:
        if self.new is None and not self._create_new():
            return self.actions
        if self._scale_new() or self._scale_down_old():
            return self._finish()
        if deployment_status.is_complete(self.deployment, self.deployment.get("status") or {}):
            self._clean_up()
        return self._finish()

    def _recreate(self) -> list[Action]:
        """All the old pods are gone before the first new one is made."""
        shrunk = [self._scale(s, 0) for s in deployment_sets.active(self.old)]
        if any(shrunk) or self._old_pods_run():
            return self._finish()
        if self.new is None and not self._create_new():
            return self.actions
        new = self.new
        assert new is not None
        self._scale(new, self.wanted)
        if deployment_status.is_complete(self.deployment, self.deployment.get("status") or {}):
            self._clean_up()
        return self._finish()

    def _old_pods_run(self) -> bool:
        if deployment_sets.sum_of(self.old, "status", "replicas") > 0:
            return True
        return any(
            not pods.is_final(pod)
            for set_ in self.old
            for pod in self.reader.indexed("pods", "owner", set_["metadata"]["uid"])
        )

    def _keep_up_new(self) -> None:
        """The new set's annotations and minReadySeconds follow the Deployment's; its revision is the Deployment's."""
        new = self.new
        if new is None:
            return
        due = deployment_sets.annotations_of_new(self.deployment, new, self._next_revision())
        ready = self.deployment["spec"].get("minReadySeconds") or 0
        if due != deployment_sets.annotations(new) or ready != (new["spec"].get("minReadySeconds") or 0):
            meta, spec = {**new["metadata"], "annotations": due}, {**new["spec"], "minReadySeconds": ready}
            self._change({**new, "metadata": meta, "spec": spec})
        self.revision = due.get(deployment_sets.REVISION, "")
        missing = conditions.find(self.conditions, deployment_status.PROGRESSING) is None
        if missing and deployment_sets.has_deadline(self.deployment):
            message = f'Found new replica set "{self.new_name}"'
            self._put(deployment_status.progressing(True, deployment_status.FOUND, message, self.now))

    def _create_new(self) -> bool:
        """False where another set has taken the name: then the hash is counted up first."""
        made = deployment_sets.new_set(self.deployment, self._next_revision())
        name = made["metadata"]["name"]
        if self.reader.get(SETS, made["metadata"]["namespace"], name) is not None:
            self.actions = [self._collision()]
            return False
        size = deployment_sets.replicas_of_new(self.deployment, self.old, 0)
        made["spec"]["replicas"] = size
        message = f"Scaled up replica set {name} from 0 to {size}"
        event = Event(self.deployment, "Normal", "ScalingReplicaSet", message) if size else None
        self.actions.append(Create(SETS, made, done=event))
        self.sets[name], self.new_name = made, name
        self.revision = deployment_sets.annotations(made)[deployment_sets.REVISION]
        if deployment_sets.has_deadline(self.deployment):
            message = f'Created new replica set "{name}"'
            self._put(deployment_status.progressing(True, deployment_status.CREATED, message, self.now))
        return True

    def _collision(self) -> Action:
        status = self.deployment.get("status") or {}
        counted = {**status, "collisionCount": (status.get("collisionCount") or 0) + 1}
        return Update(DEPLOYMENTS, {**self.deployment, "status": counted}, subresource="status")

    def _next_revision(self) -> int:
        return max((deployment_sets.revision(s) for s in self.old), default=0) + 1

    def _was_scaled(self) -> bool:
        desired = [
            deployment_sets.number_annotation(s, deployment_sets.DESIRED)
            for s in deployment_sets.active(self.sets.values())
        ]
        return any(d is not None and d != self.wanted for d in desired)

    def _scale_all(self) -> None:
        """The number of replicas changed in the middle of a rollout, or while paused."""
        alive = deployment_sets.active(self.sets.values())
        if len(alive) <= 1:
            candidate = alive[0] if alive else self.new or (self.old[-1] if self.old else None)
            if candidate is not None:
                self._scale(candidate, self.wanted)
        elif deployment_sets.is_saturated(self.deployment, self.new):
            for set_ in deployment_sets.active(self.old):
                self._scale(set_, 0)
        elif deployment_sets.is_rolling(self.deployment):
            for set_, size in deployment_sets.proportions(self.deployment, self.sets.values()):
                self._scale(set_, size, annotate=True)

    def _scale_new(self) -> bool:
        new = self.new
        assert new is not None
        current = new["spec"]["replicas"]
        if current == self.wanted:
            return False
        if current > self.wanted:
            return self._scale(new, self.wanted)
        return self._scale(new, deployment_sets.replicas_of_new(self.deployment, self.old, current))

    def _scale_down_old(self) -> bool:
        """First what is unhealthy, then as much as keeps enough pods available."""
        alive = deployment_sets.active(self.old)
        new = self.new
        assert new is not None
        if not alive:
            return False
        least = self.wanted - deployment_sets.max_unavailable(self.deployment)
        total = deployment_sets.sum_of(self.sets.values(), "spec", "replicas")
        may_go = total - least - (new["spec"]["replicas"] - _available(new))
        if may_go <= 0:
            return False
        removed = self._remove(alive, may_go, lambda s: s["spec"]["replicas"] - _available(s))
        spare = deployment_sets.sum_of(self.sets.values(), "status", "availableReplicas") - least
        alive = deployment_sets.active(self.old)
        return removed + self._remove(alive, spare, lambda s: s["spec"]["replicas"]) > 0

    def _remove(self, sets: list[Document], count: int, removable: Any) -> int:
        removed = 0
        for set_ in sets:
            step = min(count - removed, removable(set_))
            if step > 0:
                self._scale(set_, set_["spec"]["replicas"] - step)
                removed += step
        return removed

    def _scale(self, set_: Document, size: int, *, annotate: bool = False) -> bool:
        """True where the size changes."""
        before = set_["spec"]["replicas"]
        if before == size and not annotate:
            return False
        found = deployment_sets.annotations(set_)
        due = {**found, **deployment_sets.replica_annotations(self.deployment)}
        if before == size and due == found:
            return False
        self._change(
            {**set_, "metadata": {**set_["metadata"], "annotations": due}, "spec": {**set_["spec"], "replicas": size}}
        )
        if before == size:
            return False
        direction = "up" if before < size else "down"
        message = f"Scaled {direction} replica set {set_['metadata']['name']} from {before} to {size}"
        self.events.append(Event(self.deployment, "Normal", "ScalingReplicaSet", message))
        return True

    def _clean_up(self) -> None:
        limit = deployment_sets.history_limit(self.deployment)
        cleanable = [s for s in self.old if not pods.is_deleting(s)]
        if limit is None:
            return
        for set_ in sorted(cleanable, key=deployment_sets.revision)[: max(0, len(cleanable) - limit)]:
            status, meta = set_.get("status") or {}, set_["metadata"]
            unseen = meta.get("generation", 0) > (status.get("observedGeneration") or 0)
            if not (status.get("replicas") or set_["spec"]["replicas"] or unseen):
                self.actions.append(Delete(SETS, meta["namespace"], meta["name"], uid=meta["uid"]))

    def _change(self, set_: Document) -> None:
        name = set_["metadata"]["name"]
        self.sets[name] = set_
        created = not set_["metadata"].get("resourceVersion")
        if not created:
            self.changed[name] = set_

    def _put(self, condition: Document) -> None:
        self.conditions = conditions.put(self.conditions, condition)

    def _finish(self, *, rollout: bool = True) -> list[Action]:
        sets = [*self.old, *([self.new] if self.new else [])]
        status = deployment_status.calculate(self.deployment, sets, self.new, self.conditions, self.now)
        if rollout:
            status = deployment_status.with_progress(self.deployment, status, sets, self.new, self.now)
        writes: list[Action] = [Update(SETS, s) for s in self.changed.values()]
        actions = [*self.actions, *writes, *self.events, *self._write(status)]
        wait = deployment_status.seconds_until_deadline(self.deployment, status, self.now) if rollout else None
        return actions if wait is None else [*actions, Requeue(wait)]

    def _write(self, status: Document) -> list[Action]:
        before = self.deployment.get("status") or {}
        found = deployment_sets.annotations(self.deployment)
        annotated = not self.revision or found.get(deployment_sets.REVISION) == self.revision
        if annotated and deployment_status.same(before, status):
            return []
        changed = {**self.deployment, "status": status}
        if not annotated:
            due = {**found, deployment_sets.REVISION: self.revision}
            changed["metadata"] = {**self.deployment["metadata"], "annotations": due}
        return [Update(DEPLOYMENTS, changed, subresource="status")]


def _available(set_: Document) -> int:
    return (set_.get("status") or {}).get("availableReplicas") or 0


def _of_orphan(set_: Document, reader: Reader) -> Iterable[Key]:
    """A set without a controller concerns every Deployment that might adopt it."""
    labels = set_["metadata"].get("labels")
    if refs.controller_of(set_) is not None or not labels:
        return ()
    owners = reader.list(DEPLOYMENTS, set_["metadata"]["namespace"])
    return [key_of(d) for d in owners if from_document(d["spec"]["selector"]).matches(labels)]


def _of_pod(pod: Document, reader: Reader) -> Iterable[Key]:
    """A pod's end matters to a Deployment that waits for it before it makes new ones (Recreate)."""
    reference = refs.controller_of(pod)
    if reference is None or reference["kind"] != "ReplicaSet":
        return ()
    set_ = reader.get(SETS, pod["metadata"]["namespace"], reference["name"])
    owner = refs.controller_of(set_) if set_ is not None else None
    if owner is None or owner["kind"] != "Deployment":
        return ()
    deployment = reader.get(DEPLOYMENTS, pod["metadata"]["namespace"], owner["name"])
    if deployment is None or deployment_sets.is_rolling(deployment):
        return ()
    return (key_of(deployment),)


CONTROLLER = Controller(
    name="deployment-controller",
    watches=(
        Watch(DEPLOYMENTS, own_key),
        Watch(SETS, refs.owner_key("Deployment")),
        Watch(SETS, _of_orphan),
        Watch("pods", _of_pod),
    ),
    reconcile=reconcile,
    on_failure=on_failure,
    indices=(refs.orphan_index(SETS),),
    cooldown=COOLDOWN_SECONDS,
)

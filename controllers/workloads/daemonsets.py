"""DaemonSets: one pod on each node that should have one. Source: pkg/controller/daemon."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.selectors import from_document
from controllers.actions import Action, Event, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.scheduling import terms
from controllers.workloads import history, pods, refs, replicas, templates
from controllers.workloads.daemon_backoff import Backoff
from controllers.workloads.deployment_sets import scaled

Document = dict[str, Any]

DAEMON_SETS = "daemonsets.apps"
COOLDOWN_SECONDS = 0.03
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")
_NAME = "metadata.name"


def _reconcile(key: Key, reader: Reader, now: datetime, backoff: Backoff) -> list[Action]:
    daemon = reader.get(DAEMON_SETS, *key)
    if daemon is None:
        return []
    if not any(daemon["spec"]["selector"].values()):
        message = "This daemon set is selecting all pods. A non-empty selector is required."
        return [Event(daemon, "Warning", "SelectingAll", message)]
    if pods.is_deleting(daemon):
        return []
    selector = from_document(daemon["spec"]["selector"])
    revisions, actions = history.owned(daemon, selector, reader)
    current, writes = history.current(daemon, revisions, history.HASH_LABEL, reader)
    if actions or writes or current is None:
        return actions + writes
    mine, claims = refs.claim("pods", daemon, refs.owned_or_adoptable("pods", daemon, reader), selector)
    hash_ = current["metadata"]["labels"][history.HASH_LABEL]
    step = _Step(daemon, mine, hash_, reader, now, backoff)
    changes = step.manage()
    if not changes:
        changes = step.roll()
    live = {(p["metadata"].get("labels") or {}).get(history.HASH_LABEL, "") for p in mine} | {hash_}
    limit = daemon["spec"].get("revisionHistoryLimit")
    old = history.truncated(revisions, live, limit, _hash_of, old=len(revisions) - 1)
    return [*claims, *changes, *step.notes, *old, *step.status()]


class _Step:
    def __init__(
        self,
        daemon: Document,
        mine: list[Document],
        hash_: str,
        reader: Reader,
        now: datetime,
        backoff: Backoff,
    ) -> None:
        self.daemon = daemon
        self.hash = hash_
        self.now = now
        self.backoff = backoff
        self.notes: list[Action] = []
        self.nodes = {n["metadata"]["name"]: n for n in reader.list("nodes")}
        self.min_ready = daemon["spec"].get("minReadySeconds") or 0
        self.tolerations = _tolerations(daemon["spec"]["template"].get("spec") or {})
        rolling = (daemon["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        wanted = sum(self._should_run(n)[0] for n in self.nodes.values())
        self.surge = scaled(rolling.get("maxSurge"), wanted, up=True)
        self.unavailable = scaled(rolling.get("maxUnavailable", 1), wanted, up=True)
        if not self.surge and not self.unavailable:
            self.unavailable = 1
        self.by_node: dict[str, list[Document]] = {}
        for pod in mine:
            if not (pods.is_final(pod) and pods.is_deleting(pod)):
                self.by_node.setdefault(target_node(pod), []).append(pod)
        for found in self.by_node.values():
            found.sort(key=lambda p: (not p["spec"].get("nodeName"), p["metadata"].get("creationTimestamp", "")))

    def manage(self) -> list[Action]:
        """A pod where one is missing, and none where none should be."""
        creations: list[Action] = []
        removals: list[Action] = []
        for name, node in self.nodes.items():
            should_run, may_stay = self._should_run(node)
            found = self.by_node.get(name, [])
            if should_run and not found:
                creations.append(self._create(name))
            elif may_stay:
                alive = self._alive(found, removals)
                self._prune(name, alive, should_run, creations, removals)
            else:
                removals += [replicas.removal(self.daemon, p) for p in found if not pods.is_deleting(p)]
        for name, found in self.by_node.items():
            if name not in self.nodes:
                unscheduled = (p for p in found if not p["spec"].get("nodeName") and not pods.is_deleting(p))
                removals += [replicas.removal(self.daemon, p) for p in unscheduled]
        return creations[: replicas.BURST] + removals[: replicas.BURST]

    def roll(self) -> list[Action]:
        """Replaces old pods, as many at once as the strategy allows."""
        if (self.daemon["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
            return []
        return self._roll_with_surge() if self.surge else self._roll_in_place()

    def status(self) -> list[Action]:
        counts = dict.fromkeys(
            (
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberMisscheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            ),
            0,
        )
        for name, node in self.nodes.items():
            found = self.by_node.get(name)
            if not self._should_run(node)[0]:
                counts["numberMisscheduled"] += bool(found)
                continue
            counts["desiredNumberScheduled"] += 1
            if found:
                counts["currentNumberScheduled"] += 1
                counts["numberReady"] += pods.is_ready(found[0])
                counts["numberAvailable"] += self._is_available(found[0])
                counts["updatedNumberScheduled"] += self._is_new(found[0])
        counts["numberUnavailable"] = counts["desiredNumberScheduled"] - counts["numberAvailable"]
        return [*self._write(counts), *self._wait()]

    def _write(self, counts: dict[str, int]) -> list[Action]:
        before = self.daemon.get("status") or {}
        generation = self.daemon["metadata"].get("generation", 0)
        unchanged = all((before.get(k) or 0) == v for k, v in counts.items())
        if unchanged and (before.get("observedGeneration") or 0) >= generation:
            return []
        always = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
        kept = {k: v for k, v in before.items() if k not in counts}
        shown = {k: v for k, v in counts.items() if v or k in always}
        status = {**kept, **shown, "observedGeneration": generation}
        return [Update(DAEMON_SETS, {**self.daemon, "status": status}, subresource="status")]

    def _wait(self) -> list[Action]:
        everyone = [p for found in self.by_node.values() for p in found]
        wait = pods.seconds_until_available(everyone, self.min_ready, self.now)
        return [] if wait is None else [Requeue(wait)]

    def _should_run(self, node: Document) -> tuple[bool, bool]:
        """(should have one, may keep one that it has)"""
        spec = self.daemon["spec"]["template"].get("spec") or {}
        if spec.get("nodeName") and spec["nodeName"] != node["metadata"]["name"]:
            return False, False
        if not terms.matches_pod(node, spec):
            return False, False
        taints = (node.get("spec") or {}).get("taints") or ()
        refused = [t for t in taints if not any(terms.tolerates(o, t) for o in self.tolerations)]
        hard = {t.get("effect") for t in refused} & {"NoSchedule", "NoExecute"}
        return not hard, "NoExecute" not in hard

    def _alive(self, found: list[Document], removals: list[Action]) -> list[Document]:
        alive = []
        for pod in found:
            meta = pod["metadata"]
            if pods.is_deleting(pod):
                continue
            if pods.phase(pod) == "Failed":
                generation = str((self.daemon.get("status") or {}).get("observedGeneration") or 0)
                key = (self.daemon["metadata"]["uid"], generation, target_node(pod))
                if wait := self.backoff.remaining(key, self.now):
                    self.notes.append(Requeue(wait))
                    continue
                self.backoff.tried(key, self.now)
                where = f"{meta['namespace']}/{meta['name']} on node {target_node(pod)}"
                message = f"Found failed daemon pod {where}, will try to kill it"
                self.notes.append(Event(self.daemon, "Warning", "FailedDaemonPod", message))
                removals.append(replicas.removal(self.daemon, pod))
            elif pods.phase(pod) == "Succeeded":
                where = f"{meta['namespace']}/{meta['name']} on node {target_node(pod)}"
                message = f"Found succeeded daemon pod {where}, will try to delete it"
                self.notes.append(Event(self.daemon, "Normal", "SucceededDaemonPod", message))
                removals.append(replicas.removal(self.daemon, pod))
            else:
                alive.append(pod)
        return alive

    def _prune(
        self, node: str, alive: list[Document], should_run: bool, creations: list[Action], removals: list[Action]
    ) -> None:
        if not self.surge:
            removals += [replicas.removal(self.daemon, p) for p in alive[1:]]
            return
        if not alive and should_run:
            creations.append(self._create(node))
        new, old = self._new_and_old(alive)
        extra = [p for p in alive if p not in (*new[:1], *old[:1])]
        if new and old and (not pods.is_ready(old[0]) or self._is_available(new[0])):
            extra.append(old[0])
        removals += [replicas.removal(self.daemon, p) for p in extra]

    def _roll_in_place(self) -> list[Action]:
        down, free, candidates = 0, [], []
        for found in self.by_node.values():
            new, old = self._new_and_old([p for p in found if not pods.is_deleting(p)])
            if bool(new) == bool(old):
                down += 1
            elif new:
                down += not self._is_available(new[0])
            elif not self._is_available(old[0]):
                free.append(old[0])
                down += 1
            else:
                candidates.append(old[0])
        chosen = free + candidates[: max(0, self.unavailable - down)]
        return [replicas.removal(self.daemon, p) for p in chosen]

    def _roll_with_surge(self) -> list[Action]:
        surging, free, candidates, removals = 0, [], [], []
        for name, found in self.by_node.items():
            new, old = self._new_and_old([p for p in found if not pods.is_deleting(p)])
            if name not in self.nodes or not old:
                continue
            if new:
                if self._is_available(new[0]):
                    removals.append(old[0])
                else:
                    surging += 1
            elif not self._should_run(self.nodes[name])[0]:
                removals.append(old[0])
            elif self._is_available(old[0]):
                candidates.append(name)
            else:
                free.append(name)
        chosen = free + candidates[: max(0, self.surge - surging)]
        return [*(self._create(n) for n in chosen), *(replicas.removal(self.daemon, p) for p in removals)]

    def _new_and_old(self, found: list[Document]) -> tuple[list[Document], list[Document]]:
        return [p for p in found if self._is_new(p)], [p for p in found if not self._is_new(p)]

    def _is_new(self, pod: Document) -> bool:
        return (pod["metadata"].get("labels") or {}).get(history.HASH_LABEL) == self.hash

    def _is_available(self, pod: Document) -> bool:
        return pods.is_available(pod, self.min_ready, self.now)

    def _create(self, node: str) -> Action:
        template = self.daemon["spec"]["template"]
        pod = templates.pod_from(template, self.daemon)
        labels = {**(pod["metadata"].get("labels") or {}), history.HASH_LABEL: self.hash}
        generation = (self.daemon["metadata"].get("annotations") or {}).get("deprecated.daemonset.template.generation")
        if generation:
            labels["pod-template-generation"] = generation
        pod["metadata"]["labels"] = labels
        affinity = on_node((pod["spec"] or {}).get("affinity"), node)
        pod["spec"] = {**pod["spec"], "affinity": affinity, "tolerations": self.tolerations}
        return replicas.creation(self.daemon, template, pod=pod)


def _hash_of(revision: Document) -> str:
    return (revision["metadata"].get("labels") or {}).get(history.HASH_LABEL) or ""


def _tolerations(spec: Document) -> list[Document]:
    """The template's, and those for what happens to nodes: daemons stay."""
    found = list(spec.get("tolerations") or ())
    wanted = (*_TOLERATED, _NETWORK) if spec.get("hostNetwork") else _TOLERATED
    for key, effect in wanted:
        made = {"key": key, "operator": "Exists", "effect": effect}
        if made not in found:
            found.append(made)
    return found


def on_node(affinity: Document | None, node: str) -> Document:
    """The affinity of a pod that goes to that node and no other."""
    field = {"matchFields": [{"key": _NAME, "operator": "In", "values": [node]}]}
    affinity = dict(affinity or {})
    inner = dict(affinity.get("nodeAffinity") or {})
    inner["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [field]}
    return {**affinity, "nodeAffinity": inner}


def target_node(pod: Document) -> str:
    """Where it is, or is to go; empty where neither says."""
    if pod["spec"].get("nodeName"):
        return pod["spec"]["nodeName"]
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for found in term.get("matchFields") or ():
            if found["key"] == _NAME and found["operator"] == "In" and len(found["values"]) == 1:
                return found["values"][0]
    return ""


def _all(obj: Document, reader: Reader) -> Iterable[Key]:
    return [key_of(d) for d in reader.list(DAEMON_SETS)]


def _of_orphan(pod: Document, reader: Reader) -> Iterable[Key]:
    labels = pod["metadata"].get("labels")
    if refs.controller_of(pod) is not None or not labels:
        return ()
    found = reader.list(DAEMON_SETS, pod["metadata"]["namespace"])
    return [key_of(d) for d in found if from_document(d["spec"]["selector"]).matches(labels)]


def controller() -> Controller:
    """Each has a memory of its own of what failed where."""
    backoff = Backoff()

    def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
        return _reconcile(key, reader, now, backoff)

    return Controller(
        name="daemonset-controller",
        watches=(
            Watch(DAEMON_SETS, own_key),
            Watch("pods", refs.owner_key("DaemonSet")),
            Watch("pods", _of_orphan),
            Watch("nodes", _all),
            Watch(history.REVISIONS, refs.owner_key("DaemonSet")),
        ),
        reconcile=reconcile,
        indices=(refs.orphan_index("pods"), refs.orphan_index(history.REVISIONS)),
        cooldown=COOLDOWN_SECONDS,
    )

"""StatefulSets: pods with names and claims of their own, one after the other. Source: pkg/controller/statefulset."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.selectors import from_document
from controllers.actions import Action, Create, Delete, Event, Patch, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.workloads import claim_retention, history, pods, refs, templates
from controllers.workloads.claim_retention import CLAIMS, Holder
from controllers.workloads.deployment_sets import scaled

Document = dict[str, Any]

STATEFUL_SETS = "statefulsets.apps"
REVISION_LABEL = "controller.kubernetes.io/hash"
NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
COOLDOWN_SECONDS = 0.03


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    found = reader.get(STATEFUL_SETS, *key)
    if found is None:
        return []
    selector = from_document(found["spec"]["selector"])
    revisions, actions = history.owned(found, selector, reader)
    if not pods.is_deleting(found):
        update, writes = history.current(found, revisions, REVISION_LABEL, reader)
        if actions or writes or update is None:
            return actions + writes
    elif revisions:
        update = revisions[-1]
    else:
        return []
    candidates = refs.owned_or_adoptable("pods", found, reader)
    named = [p for p in candidates if ordinal(p, key.name) is not None]
    mine, claims = refs.claim("pods", found, named, selector)
    if claims:
        return claims
    before = (found.get("status") or {}).get("currentRevision")
    current = next((r for r in revisions if r["metadata"]["name"] == before), update)
    step = _Step(found, mine, current, update, reader, now)
    if not pods.is_deleting(found):
        step.take()
    live = {_revision(p) for p in mine} | {current["metadata"]["name"], update["metadata"]["name"]}
    limit = found["spec"].get("revisionHistoryLimit")
    old = history.truncated(revisions, live, limit, lambda r: r["metadata"]["name"])
    return [*step.actions, *old, *step.status(), *step.wait()]


class _Step:
    def __init__(
        self,
        owner: Document,
        mine: list[Document],
        current: Document,
        update: Document,
        reader: Reader,
        now: datetime,
    ) -> None:
        self.owner = owner
        self.name: str = owner["metadata"]["name"]
        self.current, self.update = current, update
        self.reader, self.now = reader, now
        self.actions: list[Action] = []
        self.mine = mine
        spec = owner["spec"]
        self.start: int = (spec.get("ordinals") or {}).get("start") or 0
        self.end = self.start + spec["replicas"]
        self.ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        self.min_ready = spec.get("minReadySeconds") or 0
        by_ordinal = {ordinal(p, self.name): p for p in mine}
        self.replicas = {n: by_ordinal.get(n) for n in range(self.start, self.end)}
        surplus = [n for n in by_ordinal if n is not None and n not in self.replicas]
        self.condemned = [by_ordinal[n] for n in sorted(surplus, reverse=True)]

    def take(self) -> None:
        """One step, or all that may go on at once where the policy is Parallel."""
        for number, pod in self.replicas.items():
            if self._keep(number, pod) and self.ordered:
                return
        first = self._first_unavailable()
        for pod in self.condemned:
            self._retain(pod)
        for pod in self.condemned:
            if self._remove_surplus(pod, first) and self.ordered:
                return
        self._roll()

    def _keep(self, number: int, pod: Document | None) -> bool:
        """True where the next one has to wait for this one."""
        if pod is None:
            self._create(number)
            return True
        if pods.is_final(pod):
            if not pods.is_deleting(pod):
                self._delete(pod)
            return True
        self._claims(number, pod)
        if pods.is_deleting(pod) or not self._is_available(pod):
            if self.ordered:
                return True
        self._identify(pod)
        self._retain(pod)
        return False

    def _identify(self, pod: Document) -> None:
        """Somebody may have taken its label off."""
        meta = pod["metadata"]
        if (meta.get("labels") or {}).get(NAME_LABEL) != meta["name"]:
            labels = {NAME_LABEL: meta["name"], INDEX_LABEL: str(ordinal(pod, self.name))}
            body = {"metadata": {"uid": meta["uid"], "labels": labels}}
            self.actions.append(Patch("pods", meta["namespace"], meta["name"], body, ignore_missing=True))

    def _retain(self, pod: Document) -> None:
        """The owners of its claims."""
        meta = pod["metadata"]
        number = ordinal(pod, self.name)
        holder = Holder(self.owner, meta["name"], meta["uid"], wanted=number in self.replicas)
        for template in self.owner["spec"].get("volumeClaimTemplates") or ():
            claim = self.reader.get(CLAIMS, meta["namespace"], f"{template['metadata']['name']}-{meta['name']}")
            if claim is not None:
                self.actions += claim_retention.corrections(claim, holder)

    def _remove_surplus(self, pod: Document, first: Document | None) -> bool:
        if pods.is_deleting(pod):
            return True
        if self.ordered and not self._is_available(pod) and pod is not first:
            return True
        self._delete(pod)
        return True

    def _first_unavailable(self) -> Document | None:
        everyone = [*self.replicas.values(), *reversed(self.condemned)]
        return next((p for p in everyone if p is not None and not self._is_available(p)), None)

    def _roll(self) -> None:
        """From the highest ordinal down to the partition, as many at once as may be unavailable."""
        strategy = self.owner["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        rolling = strategy.get("rollingUpdate") or {}
        partition = rolling.get("partition") or 0
        most = max(1, scaled(rolling.get("maxUnavailable", 1), self.owner["spec"]["replicas"], up=False))
        down = sum(p is None or not self._is_available(p) or pods.is_deleting(p) for p in self.replicas.values())
        for number in sorted(self.replicas, reverse=True):
            pod = self.replicas[number]
            if number < self.start + partition or pod is None:
                continue
            outdated = _revision(pod) != self.update["metadata"]["name"]
            if outdated and not pods.is_deleting(pod):
                if down >= most and self._is_available(pod):
                    return
                down += self._is_available(pod)
                self._delete(pod)
            elif not self._is_available(pod) and self.ordered and most == 1:
                return

    def _is_available(self, pod: Document) -> bool:
        return pods.phase(pod) == "Running" and pods.is_available(pod, self.min_ready, self.now)

    def _revision_for(self, number: int) -> Document:
        """Below the partition, and while the rollout has not come to them, pods are made of the old template."""
        strategy = self.owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.get("rollingUpdate")
            if rolling is None:
                done = (self.owner.get("status") or {}).get("currentReplicas") or 0
                return self.current if number < self.start + done else self.update
            if number < self.start + (rolling.get("partition") or 0):
                return self.current
        return self.update

    def _create(self, number: int) -> None:
        name = f"{self.name}-{number}"
        revision = self._revision_for(number)
        template = history.template_of(revision)
        pod = templates.pod_from(template, self.owner, name=name)
        meta = pod["metadata"]
        meta["labels"] = {
            **(meta.get("labels") or {}),
            NAME_LABEL: name,
            INDEX_LABEL: str(number),
            history.HASH_LABEL: revision["metadata"]["name"],
        }
        spec = {**pod["spec"], "hostname": name, "subdomain": self.owner["spec"].get("serviceName") or ""}
        if not spec["subdomain"]:
            del spec["subdomain"]
        templates_ = self.owner["spec"].get("volumeClaimTemplates") or ()
        ours = {t["metadata"]["name"] for t in templates_}
        volumes = [v for v in spec.get("volumes") or () if v["name"] not in ours]
        for found in templates_:
            claim = f"{found['metadata']['name']}-{name}"
            source = {"claimName": claim}
            volumes.append({"name": found["metadata"]["name"], "persistentVolumeClaim": source})
        if volumes:
            spec["volumes"] = volumes
        pod["spec"] = spec
        if not self._claims(number, pod):
            return
        what = f"Create Pod {name} in StatefulSet {self.name}"
        self.actions.append(
            Create(
                "pods",
                pod,
                done=Event(self.owner, "Normal", "SuccessfulCreate", f"{what} successful"),
                refused=Event(self.owner, "Warning", "FailedCreate", f"{what} failed error: {{error}}"),
            )
        )

    def _claims(self, number: int, pod: Document) -> bool:
        """Makes the claims that are missing; False where one is being deleted and has to be waited for."""
        if pods.phase(pod) != "Pending":
            return True
        namespace, name = self.owner["metadata"]["namespace"], f"{self.name}-{number}"
        labels = self.owner["spec"]["selector"].get("matchLabels") or {}
        for template in self.owner["spec"].get("volumeClaimTemplates") or ():
            claim = f"{template['metadata']['name']}-{name}"
            found = self.reader.get(CLAIMS, namespace, claim)
            if found is not None:
                holder = Holder(self.owner, name, pod["metadata"].get("uid") or "", wanted=True)
                if not holder.uid and (pods.is_deleting(found) or claim_retention.is_stale(found, holder)):
                    return False
                continue
            meta = {k: v for k, v in template["metadata"].items() if k in ("annotations", "labels")}
            meta |= {"name": claim, "namespace": namespace, "labels": {**(meta.get("labels") or {}), **labels}}
            what = f"Create Claim {claim} Pod {name} in StatefulSet {self.name}"
            made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": template["spec"]}
            self.actions.append(
                Create(
                    CLAIMS,
                    made,
                    ignore_exists=True,
                    done=Event(self.owner, "Normal", "SuccessfulCreate", f"{what} success"),
                    refused=Event(self.owner, "Warning", "FailedCreate", f"{what} failed error: {{error}}"),
                )
            )
        return True

    def _delete(self, pod: Document) -> None:
        meta = pod["metadata"]
        what = f"Delete Pod {meta['name']} in StatefulSet {self.name}"
        self.actions.append(
            Delete(
                "pods",
                meta["namespace"],
                meta["name"],
                uid=meta["uid"],
                done=Event(self.owner, "Normal", "SuccessfulDelete", f"{what} successful"),
                refused=Event(self.owner, "Warning", "FailedDelete", f"{what} failed error: {{error}}"),
            )
        )

    def status(self) -> list[Action]:
        before = self.owner.get("status") or {}
        after = self._status()
        for name in ("conditions", "collisionCount"):
            if name in before:
                after[name] = before[name]
        after.setdefault("collisionCount", 0)
        if {k: v for k, v in before.items() if v} == {k: v for k, v in after.items() if v}:
            return []
        return [Update(STATEFUL_SETS, {**self.owner, "status": after}, subresource="status")]

    def _status(self) -> Document:
        current, update = self.current["metadata"]["name"], self.update["metadata"]["name"]
        staying = [p for p in self.mine if not pods.is_deleting(p)]
        ready = [p for p in self.mine if pods.phase(p) == "Running" and pods.is_ready(p)]
        counts = {
            "readyReplicas": len(ready),
            "currentReplicas": sum(_revision(p) == current for p in staying),
            "updatedReplicas": sum(_revision(p) == update for p in staying),
        }
        if self._is_complete(counts):
            # The rollout is over: what was the update is now the current.
            current, counts["currentReplicas"] = update, counts["updatedReplicas"]
        return {
            "observedGeneration": self.owner["metadata"].get("generation", 0),
            "replicas": len(self.mine),
            **{k: v for k, v in counts.items() if v},
            "currentRevision": current,
            "updateRevision": update,
            "availableReplicas": sum(map(self._is_available, self.mine)),
        }

    def _is_complete(self, counts: dict[str, int]) -> bool:
        strategy = self.owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return False
        all_ = len(self.mine)
        return counts["updatedReplicas"] == all_ == counts["readyReplicas"] == self.owner["spec"]["replicas"]

    def wait(self) -> list[Action]:
        seconds = pods.seconds_until_available(self.mine, self.min_ready, self.now)
        return [] if seconds is None else [Requeue(seconds)]


def ordinal(pod: Document, owner: str) -> int | None:
    """The number behind the owner's name; None for a pod of another."""
    name, _, number = pod["metadata"]["name"].rpartition("-")
    return int(number) if name == owner and number.isdigit() else None


def _revision(pod: Document) -> str:
    return (pod["metadata"].get("labels") or {}).get(history.HASH_LABEL, "")


def _of_orphan(pod: Document, reader: Reader) -> Iterable[Key]:
    labels = pod["metadata"].get("labels")
    if refs.controller_of(pod) is not None or not labels:
        return ()
    found = reader.list(STATEFUL_SETS, pod["metadata"]["namespace"])
    return [key_of(s) for s in found if ordinal(pod, s["metadata"]["name"]) is not None]


def _of_claim(claim: Document, reader: Reader) -> Iterable[Key]:
    """A claim that went may be what a set waits for."""
    meta = claim["metadata"]
    return [
        key_of(s)
        for s in reader.list(STATEFUL_SETS, meta["namespace"])
        if any(
            meta["name"].startswith(f"{t['metadata']['name']}-{s['metadata']['name']}-")
            for t in s["spec"].get("volumeClaimTemplates") or ()
        )
    ]


CONTROLLER = Controller(
    name="statefulset-controller",
    watches=(
        Watch(STATEFUL_SETS, own_key),
        Watch("pods", refs.owner_key("StatefulSet")),
        Watch("pods", _of_orphan),
        Watch(CLAIMS, _of_claim),
        Watch(history.REVISIONS, refs.owner_key("StatefulSet")),
    ),
    reconcile=reconcile,
    indices=(refs.orphan_index("pods"), refs.orphan_index(history.REVISIONS)),
    cooldown=COOLDOWN_SECONDS,
)

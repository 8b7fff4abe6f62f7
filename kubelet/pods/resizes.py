"""One pod's resize, from what is asked for to what its containers have: accepted or not, and until when it lasts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kubelet.events import NORMAL, WARNING, Recorder
from kubelet.pods import allocation, resizing, times
from kubelet.pods.allocation import Pending
from kubelet.pods.conditions import IN_PROGRESS, PENDING, Resize
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed


class Resizes:
    def __init__(self, pod: Document, recorder: Recorder, *, admitted: bool) -> None:
        """``admitted``: an earlier kubelet has taken the pod, and its status says with what."""
        self._recorder = recorder
        self._pod = pod
        self._allocation = allocation.restored(pod) if admitted else allocation.of(pod)
        self._pending: Pending | None = None
        self._generation: int | None = None
        """Of the resize that is in progress."""
        self._since = math.inf
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition["type"] == IN_PROGRESS and condition.get("status") == "True":
                self._generation = condition.get("observedGeneration") or _generation(pod)
            elif condition["type"] == PENDING and condition.get("status") == "True" and self.wanted:
                self._since = _seconds(condition.get("lastTransitionTime"))
                words = condition.get("reason", ""), condition.get("message", "")
                self._pending = Pending(*words, condition.get("observedGeneration") or _generation(pod))

    @property
    def wanted(self) -> bool:
        return not allocation.same(allocation.of(self._pod), self._allocation)

    def allocated(self, pod: Document) -> Document:
        """``pod``, the newest document, with what it was given."""
        self._pod = pod
        if not self.wanted:
            self._pending, self._since = None, math.inf
        return allocation.applied(pod, self._allocation)

    def rank(self) -> tuple[Any, ...]:
        return allocation.rank(self._pod, allocation.applied(self._pod, self._allocation), self._since)

    def attempt(self, others: Iterable[Document], node: Document, now: datetime) -> Document:
        """The pod with what it is given now."""
        pod, generation = self._pod, _generation(self._pod)
        verdict = allocation.judge(pod, others, node)
        if verdict is None:
            self._allocation, self._pending, self._since = allocation.of(pod), None, math.inf
            self._generation = generation
            self._tell(pod, NORMAL, "ResizeStarted", "Pod resize started", generation)
            return pod
        reason, message = verdict
        before = self._pending
        self._pending = Pending(reason, message, generation)
        self._since = min(self._since, now.timestamp())
        if before is None or (before.reason, before.generation) != (reason, generation):
            self._tell(pod, WARNING, f"Resize{reason}", f"Pod resize {reason}", generation, message)
        return allocation.applied(pod, self._allocation)

    def failed(self, pod: Document, message: str) -> None:
        self._tell(pod, WARNING, "ResizeError", "Pod resize error", self._generation or _generation(pod), message)

    def conditions(self, pod: Document, observed: Observed) -> Resize:
        """What the status says of it; tells when it is done."""
        if observed.terminating:
            return {}
        found = {}
        if self._pending is not None:
            found[PENDING] = (self._pending.reason, self._pending.message, self._pending.generation)
        if resizing.in_progress(pod, observed):
            self._generation = self._generation or _generation(pod)
            failure = observed.failures.get(resizing.RESIZE)
            words = (failure.reason, failure.message) if failure else ("", "")
            found[IN_PROGRESS] = (*words, self._generation)
        elif self._generation is not None:
            self._tell(pod, NORMAL, "ResizeCompleted", "Pod resize completed", self._generation)
            self._generation = None
        return found

    def _tell(self, pod: Document, kind: str, reason: str, words: str, generation: int, error: str = "") -> None:
        self._recorder.pod(pod, kind, reason, f"{words}: {allocation.summary(pod, generation, error)}")


def _generation(pod: Document) -> int:
    return pod["metadata"].get("generation") or 0


def _seconds(stamp: str | None) -> float:
    moment = times.parse(stamp)
    return moment.timestamp() if moment else math.inf

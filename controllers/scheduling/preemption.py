"""Making room for a pod of higher priority. Source of meaning: plugins/defaultpreemption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apimachinery import selectors
from controllers.controller import Reader
from controllers.scheduling.filters import Candidate, Refusal, refuse_now_and_then
from controllers.scheduling.snapshot import NodeInfo, Snapshot

Document = dict[str, Any]
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


@dataclass(frozen=True, slots=True)
class Preemption:
    node: str
    victims: list[Document]


def priority(pod: Document) -> int:
    return pod["spec"].get("priority") or 0


def find(
    candidate: Candidate, refusals: dict[str, Refusal], snapshot: Snapshot
) -> tuple[Preemption | None, dict[str, int]]:
    """(what to evict where, counts of the reasons why nodes were passed over)."""
    reasons: dict[str, int] = {}
    if candidate.spec.get("preemptionPolicy") == "Never":
        return None, {}
    found: list[tuple[tuple[int, ...], NodeInfo, list[Document]]] = []
    for info in snapshot.nodes:
        refused = refusals.get(info.name)
        victims = _victims(candidate, info, snapshot) if refused and refused.resolvable else None
        if victims:
            found.append((_cost(victims, snapshot.reader), info, victims))
        else:
            reason = NO_VICTIMS if refused and refused.resolvable else NOT_HELPFUL
            reasons[reason] = reasons.get(reason, 0) + 1
    if not found:
        return None, reasons
    _, info, victims = min(found, key=lambda f: (f[0], f[1].name))
    return Preemption(info.name, victims), {}


def _victims(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> list[Document] | None:
    """The fewest pods of lower priority without which the pod would fit: all are taken away, then given back while it
    still fits, those that a disruption budget protects and the most important ones first."""
    mine = priority(candidate.pod)
    lower = [p for p in info.pods if priority(p) < mine]
    if not lower:
        return None
    bare = info.without(lower)
    if refuse_now_and_then(candidate, bare, snapshot.replacing(bare)) is not None:
        return None
    victims = list(lower)
    for pod in sorted(lower, key=lambda p: (not _protected(p, snapshot.reader), -priority(p), _started(p))):
        fewer = [v for v in victims if v is not pod]
        trial = info.without(fewer)
        if refuse_now_and_then(candidate, trial, snapshot.replacing(trial)) is None:
            victims = fewer
    return victims


def _cost(victims: list[Document], reader: Reader) -> tuple[int, ...]:
    """Fewest broken budgets, then the lowest of the highest priorities, the lowest sum, the fewest."""
    broken = sum(1 for v in victims if _protected(v, reader))
    priorities = [priority(v) for v in victims]
    return broken, max(priorities), sum(priorities), len(victims)


def _protected(pod: Document, reader: Reader) -> bool:
    labels = pod["metadata"].get("labels") or {}
    for budget in reader.list("poddisruptionbudgets.policy", pod["metadata"].get("namespace", "")):
        selector = budget["spec"].get("selector")
        if selector is not None and selectors.from_document(selector).matches(labels):
            if ((budget.get("status") or {}).get("disruptionsAllowed") or 0) <= 0:
                return True
    return False


def _started(pod: Document) -> str:
    return (pod.get("status") or {}).get("startTime") or pod["metadata"].get("creationTimestamp", "")

"""Since when an endpoint was due: the annotation from which proxies measure how late they learn of a change.

Source: staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go.
"""

from __future__ import annotations

from typing import Any

from controllers.controller import Key
from controllers.workloads import pods

Document = dict[str, Any]

TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"


class Triggers:
    """Remembers, by Service, the times that were seen. What is wrong after a missed event is no more than a time."""

    def __init__(self) -> None:
        self._seen: dict[Key, tuple[str, dict[str, str]]] = {}

    def of(self, key: Key, service: Document, selected: list[Document]) -> str:
        """The earliest of the changes since the last call, in RFC 3339; empty where there was none that is known."""
        created = service["metadata"].get("creationTimestamp", "")
        times = {p["metadata"]["name"]: stamp for p in selected if (stamp := _ready_since(p))}
        known = self._seen.get(key)
        self._seen[key] = (created, times)
        if known is None:
            return created
        before, old = known
        # Timestamps of one form in UTC sort as what they stand for.
        changed = [stamp for name, stamp in times.items() if stamp > old.get(name, "")]
        return min([*changed, *([created] if created > before else ())], default="")

    def forget(self, key: Key) -> None:
        self._seen.pop(key, None)


def stamped(annotations: dict[str, str] | None, trigger: str) -> dict[str, str]:
    """Annotations with the time, or without one where it is not known."""
    kept = {k: v for k, v in (annotations or {}).items() if k != TRIGGER}
    return {**kept, TRIGGER: trigger} if trigger else kept


def _ready_since(pod: Document) -> str:
    return (pods.condition(pod, "Ready") or {}).get("lastTransitionTime") or ""

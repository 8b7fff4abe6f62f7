"""How long a deletion takes to begin with."""

from __future__ import annotations

from typing import Any

DEFAULT_SECONDS = 30


def pod_seconds(pod: dict[str, Any], requested: int | None = None) -> int:
    """The grace period of a pod's deletion, in seconds. A pod on no node, or one that has ended, goes at once."""
    spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    own = spec.get("terminationGracePeriodSeconds")
    period = requested if requested is not None else own
    if period is None:
        period = 0
    return 1 if period < 0 else period

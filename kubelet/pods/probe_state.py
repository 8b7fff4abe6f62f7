"""When a probe's answers become a verdict. Pure. Source: pkg/kubelet/prober/worker.go."""

from __future__ import annotations

from dataclasses import dataclass

from kubelet.pods.documents import Document

LIVENESS, READINESS, STARTUP = "Liveness", "Readiness", "Startup"
FIELDS = {LIVENESS: "livenessProbe", READINESS: "readinessProbe", STARTUP: "startupProbe"}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, and how many answers in a row count."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Document) -> Timing:
        return cls(
            initial_delay=probe.get("initialDelaySeconds") or 0,
            period=probe.get("periodSeconds") or 10,
            timeout=probe.get("timeoutSeconds") or 1,
            successes=probe.get("successThreshold") or 1,
            failures=probe.get("failureThreshold") or 3,
        )


@dataclass(slots=True)
class ProbeState:
    """``verdict`` None: not decided. A new container is alive and not ready until its probes say otherwise."""

    kind: str
    timing: Timing
    verdict: bool | None = None
    last: bool | None = None
    run: int = 0
    on_hold: bool = False
    """Decided for this container: no more questions."""

    def answer(self, success: bool) -> bool:
        """Take an answer in; whether the verdict changed."""
        self.run = self.run + 1 if success == self.last else 1
        self.last = success
        if self.run < (self.timing.successes if success else self.timing.failures):
            return False
        changed = self.verdict != success
        self.verdict = success
        if self.kind == STARTUP or (self.kind == LIVENESS and not success):
            self.on_hold = True
        return changed

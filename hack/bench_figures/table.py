"""A figure beside its target and what Kubernetes v1.36.2 itself needs on such a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``; ``kubernetes`` in the same unit, measured on a machine of the same kind."""

    what: str
    value: float
    unit: str
    target: str
    kubernetes: float | None = None
    higher_is_better: bool = False

    @property
    def ratio(self) -> str:
        if not self.kubernetes or not self.value:
            return ""
        times = self.value / self.kubernetes if self.higher_is_better else self.kubernetes / self.value
        return f"{times:.1f}x"

    def document(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "value": round(self.value, 3),
            "unit": self.unit,
            "target": self.target,
            "kubernetes": self.kubernetes,
        }


def render(figures: list[Figure]) -> str:
    """A Markdown table."""
    lines = ["| what | knarr | target | Kubernetes v1.36.2 | better by |", "|---|---|---|---|---|"]
    for figure in figures:
        theirs = f"{figure.kubernetes:g} {figure.unit}" if figure.kubernetes is not None else ""
        mine = f"{figure.value:.3g} {figure.unit}" if figure.value < 1000 else f"{figure.value:,.0f} {figure.unit}"
        lines.append(f"| {figure.what} | {mine} | {figure.target} | {theirs} | {figure.ratio} |")
    return "\n".join(lines)

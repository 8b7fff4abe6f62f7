"""Node selectors, taints and tolerations. Source of meaning: k8s.io/component-helpers/scheduling/corev1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Document = dict[str, Any]


def _ordered(compare: Callable[[int, int], bool]) -> Callable[[str | None, list[str]], bool]:
    def test(found: str | None, wanted: list[str]) -> bool:
        try:
            return found is not None and len(wanted) == 1 and compare(int(found), int(wanted[0]))
        except ValueError:
            return False

    return test


_OPERATORS: Mapping[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda found, wanted: found is not None and found in wanted,
    "NotIn": lambda found, wanted: found is None or found not in wanted,
    "Exists": lambda found, wanted: found is not None,
    "DoesNotExist": lambda found, wanted: found is None,
    "Gt": _ordered(lambda found, wanted: found > wanted),
    "Lt": _ordered(lambda found, wanted: found < wanted),
}


def matches_term(node: Document, term: Document) -> bool:
    """A NodeSelectorTerm; an empty one matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = node["metadata"].get("labels") or {}
    return all(_holds(e, labels.get(e["key"])) for e in expressions) and all(
        _holds(f, node["metadata"]["name"] if f["key"] == "metadata.name" else None) for f in fields
    )


def matches_selector(node: Document, selector: Document) -> bool:
    """A NodeSelector: any of its terms."""
    return any(matches_term(node, t) for t in selector.get("nodeSelectorTerms") or ())


def matches_pod(node: Document, spec: Document) -> bool:
    """A pod's nodeSelector and required node affinity."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(k) != v for k, v in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or matches_selector(node, required)


def tolerates(toleration: Document, taint: Document) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    if operator in ("Lt", "Gt"):
        return _OPERATORS[operator](taint.get("value"), [toleration.get("value") or ""])
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def untolerated(taints: Iterable[Document], tolerations: Iterable[Document], effects: Iterable[str]) -> Document | None:
    """The first taint of these effects that nothing tolerates."""
    listed, wanted = list(tolerations), set(effects)
    for taint in taints:
        if taint.get("effect") in wanted and not any(tolerates(t, taint) for t in listed):
            return taint
    return None


def _holds(expression: Document, found: str | None) -> bool:
    test = _OPERATORS.get(expression.get("operator", ""))
    return test is not None and test(found, list(expression.get("values") or ()))

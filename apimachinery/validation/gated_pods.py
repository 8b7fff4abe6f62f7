"""A pod that waits at a gate may still be narrowed down to fewer nodes, never to more."""

from __future__ import annotations

from apimachinery.fielderrors import invalid
from apimachinery.validation.basics import Document, Errors, objects, same

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def gated_changes(spec: Document, before: Document) -> Errors:
    if not before.get("schedulingGates"):
        return []
    selector = spec.get("nodeSelector") or {}
    errors: Errors = []
    if any(selector.get(key) != value for key, value in (before.get("nodeSelector") or {}).items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(invalid("spec.nodeSelector", selector, detail))
    affinity, known = ((s.get("affinity") or {}).get("nodeAffinity") or {} for s in (spec, before))
    return errors + ([] if same(affinity, known) else _affinity_changes(affinity, known))


def _affinity_changes(given: Document, known: Document) -> Errors:
    path = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    old_terms = objects(known.get(_REQUIRED), "nodeSelectorTerms")
    terms = objects(given.get(_REQUIRED), "nodeSelectorTerms")
    if not old_terms:
        return []
    if len(terms) != len(old_terms):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(path, terms, detail)]
    return [
        invalid(f"{path}[{index}]", term, "only additions are allowed (no mutations or deletions)")
        for index, (term, old) in enumerate(zip(terms, old_terms, strict=True))
        if not _narrows(term, old)
    ]


def _narrows(term: Document, old: Document) -> bool:
    """A term of nothing matches nothing, so that nothing may be added to it."""
    kinds = ("matchExpressions", "matchFields")
    if not any(old.get(kind) for kind in kinds):
        return not any(term.get(kind) for kind in kinds)
    return all(
        len(objects(term, kind)) >= len(objects(old, kind))
        and all(same(a, b) for a, b in zip(objects(term, kind), objects(old, kind), strict=False))
        for kind in kinds
    )

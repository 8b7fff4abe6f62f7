"""Roles and bindings."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items

GROUP = "rbac.authorization.k8s.io"


def role(obj: Document) -> None:
    """``rules`` is shown even when there are none."""
    obj.setdefault("rules", None)


def binding(obj: Document) -> None:
    empty(child(obj, "roleRef"), "apiGroup", GROUP)
    for subject in items(obj, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            empty(subject, "apiGroup", GROUP)

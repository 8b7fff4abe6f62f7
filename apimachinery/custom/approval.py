"""Groups of the Kubernetes community: whether a definition in one was approved, as its condition says.

Source: apiextensions-apiserver/pkg/controller/apiapproval and pkg/apihelpers.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

Document = dict[str, Any]

ANNOTATION = "api-approved.kubernetes.io"
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def approval_condition(definition: Document) -> Document | None:
    """None for a group that anybody may use."""
    group = definition["spec"].get("group") or ""
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return None
    given = str((definition["metadata"].get("annotations") or {}).get(ANNOTATION) or "")
    status, reason, message = _state(given)
    return {
        "type": "KubernetesAPIApprovalPolicyConformant",
        "status": status,
        "reason": reason,
        "message": message,
    }


def _state(annotation: str) -> tuple[str, str, str]:
    must = f'protected groups must have approval annotation "{ANNOTATION}"'
    if not annotation:
        return "False", "MissingAnnotation", f"{must}, {_SEE}"
    if annotation.startswith("unapproved"):
        return "False", "UnapprovedAnnotation", f'not approved: "{annotation}"'
    url = urlsplit(annotation)
    if url.scheme and url.netloc:
        return "True", "ApprovedAnnotation", f"approved in {annotation}"
    return "False", "InvalidAnnotation", f'{must} with either a URL or a reason starting with "unapproved", {_SEE}'

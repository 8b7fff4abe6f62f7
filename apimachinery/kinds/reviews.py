"""Questions that are answered at once and never stored: who am I, may I."""

from __future__ import annotations

from apimachinery.kinds.kind import Kind


def _review(group: str, kind: str, schema: str, *, namespaced: bool = False) -> Kind:
    return Kind(
        group=group,
        version="v1",
        kind=kind,
        plural=f"{kind.lower()}s",
        singular=kind.lower(),
        namespaced=namespaced,
        verbs=("create",),
        schema=f"io.k8s.api.{schema}.v1.{kind}",
        generation=False,
    )


SELF_SUBJECT_REVIEW = _review("authentication.k8s.io", "SelfSubjectReview", "authentication")
TOKEN_REVIEW = _review("authentication.k8s.io", "TokenReview", "authentication")
LOCAL_SUBJECT_ACCESS_REVIEW = _review(
    "authorization.k8s.io", "LocalSubjectAccessReview", "authorization", namespaced=True
)
SELF_SUBJECT_ACCESS_REVIEW = _review("authorization.k8s.io", "SelfSubjectAccessReview", "authorization")
SELF_SUBJECT_RULES_REVIEW = _review("authorization.k8s.io", "SelfSubjectRulesReview", "authorization")
SUBJECT_ACCESS_REVIEW = _review("authorization.k8s.io", "SubjectAccessReview", "authorization")

ALL = (
    SELF_SUBJECT_REVIEW,
    TOKEN_REVIEW,
    LOCAL_SUBJECT_ACCESS_REVIEW,
    SELF_SUBJECT_ACCESS_REVIEW,
    SELF_SUBJECT_RULES_REVIEW,
    SUBJECT_ACCESS_REVIEW,
)

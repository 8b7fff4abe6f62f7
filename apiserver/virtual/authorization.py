"""May somebody do something: the access reviews, and the rules that one has.

Sources of meaning: pkg/registry/authorization and pkg/apis/authorization/validation.
"""

from __future__ import annotations

from apimachinery.errors import BadRequest, Invalid
from apimachinery.fielderrors import FieldError, invalid
from apiserver.auth.authorization import MASTERS
from apiserver.auth.nodes import NODES_GROUP
from apiserver.auth.rules import Rule
from apiserver.context import RequestInfo, UserInfo
from apiserver.virtual import documents
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document

_RESOURCE, _OTHER = "spec.resourceAttributes", "spec.nonResourceAttributes"


async def review_access(call: Call) -> tuple[int, Document]:
    """SubjectAccessReview."""
    review = documents.body(call)
    spec = review.get("spec") or {}
    _refuse("SubjectAccessReview", [*_spec_errors(spec, subject=True), *_metadata_errors(review)])
    return _answer(call, review, spec, _subject(spec))


async def review_local_access(call: Call) -> tuple[int, Document]:
    review = documents.namespaced_body(call)
    spec = review.get("spec") or {}
    errors = _spec_errors(spec, subject=True)
    extra = {k: v for k, v in review["metadata"].items() if k != "namespace"}
    errors += _metadata_errors({"metadata": extra}, " except for namespace")
    attributes = spec.get("resourceAttributes")
    if attributes is not None and attributes.get("namespace", "") != call.namespace:
        errors.append(
            invalid(f"{_RESOURCE}.namespace", attributes.get("namespace", ""), "must match metadata.namespace")
        )
    if spec.get("nonResourceAttributes") is not None:
        errors.append(invalid(_OTHER, spec["nonResourceAttributes"], "disallowed on this kind of request"))
    _refuse("LocalSubjectAccessReview", errors)
    return _answer(call, review, spec, _subject(spec))


async def review_own_access(call: Call) -> tuple[int, Document]:
    """SelfSubjectAccessReview."""
    review = documents.body(call)
    spec = review.get("spec") or {}
    _refuse("SelfSubjectAccessReview", [*_spec_errors(spec, subject=False), *_metadata_errors(review)])
    return _answer(call, review, spec, call.options.user)


async def review_own_rules(call: Call) -> tuple[int, Document]:
    """SelfSubjectRulesReview."""
    namespace = (documents.body(call).get("spec") or {}).get("namespace")
    if not namespace:
        raise BadRequest("no namespace on request")
    user = call.options.user
    resources: list[Document] = []
    urls: list[Document] = []
    if MASTERS in user.groups:
        resources.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
        urls.append({"verbs": ["*"], "nonResourceURLs": ["*"]})
    for rules, _, _ in call.services.rbac.rules_for(user.name, user.groups, namespace):
        for rule in rules:
            _collect(rule, resources, urls)
    status: Document = {"resourceRules": resources, "nonResourceRules": urls, "incomplete": False}
    if NODES_GROUP in user.groups:
        status["incomplete"] = True
        status["evaluationError"] = "node authorizer does not support user rule resolution"
    return 201, {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {},
        "status": status,
    }


def _collect(rule: Rule, resources: list[Document], urls: list[Document]) -> None:
    document = rule.document
    verbs = list(document.get("verbs") or ())
    if document.get("resources"):
        found: Document = {"verbs": verbs}
        for field in ("apiGroups", "resources", "resourceNames"):
            if document.get(field):
                found[field] = list(document[field])
        resources.append(found)
    if document.get("nonResourceURLs"):
        urls.append({"verbs": verbs, "nonResourceURLs": list(document["nonResourceURLs"])})


def _answer(call: Call, review: Document, spec: Document, user: UserInfo) -> tuple[int, Document]:
    allowed, reason = call.services.authorizer.authorize(user, request_info(spec))
    status: Document = {"allowed": allowed}
    if reason:
        status["reason"] = reason
    return 201, {**review, "metadata": review.get("metadata") or {}, "status": status}


def request_info(spec: Document) -> RequestInfo:
    """What an access review asks about."""
    attributes = spec.get("resourceAttributes")
    if attributes is None:
        other = spec["nonResourceAttributes"]
        return RequestInfo(verb=other.get("verb", ""), path=other.get("path", ""))
    return RequestInfo(
        verb=attributes.get("verb", ""),
        api_group=attributes.get("group", ""),
        api_version=attributes.get("version", ""),
        namespace=attributes.get("namespace", ""),
        resource=attributes.get("resource", ""),
        subresource=attributes.get("subresource", ""),
        name=attributes.get("name", ""),
        is_resource=True,
        field_selector=_field_selector(attributes.get("fieldSelector") or {}),
        label_selector=(attributes.get("labelSelector") or {}).get("rawSelector", ""),
    )


def _field_selector(selector: Document) -> str:
    """Raw, or the equalities among the requirements; only the node authorizer looks, at equality."""
    if selector.get("rawSelector"):
        return str(selector["rawSelector"])
    listed = selector.get("requirements") or ()
    single = [r for r in listed if r.get("operator") == "In" and len(r.get("values") or ()) == 1]
    return ",".join(f"{r['key']}={r['values'][0]}" for r in single)


def _subject(spec: Document) -> UserInfo:
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    return UserInfo(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


def _spec_errors(spec: Document, *, subject: bool) -> list[FieldError]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors = []
    if resource is not None and other is not None:
        errors.append(invalid(_OTHER, other, "cannot be specified in combination with resourceAttributes"))
    if resource is None and other is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(invalid(_RESOURCE, None, detail))
    if subject and not spec.get("user") and not spec.get("groups"):
        errors.append(invalid("spec.user", spec.get("user", ""), "at least one of user or group must be specified"))
    return errors


def _metadata_errors(review: Document, but: str = "") -> list[FieldError]:
    metadata = {k: v for k, v in (review.get("metadata") or {}).items() if v and k != "managedFields"}
    return [invalid("metadata", metadata, f"must be empty{but}")] if metadata else []


def _refuse(kind: str, errors: list[FieldError]) -> None:
    if errors:
        raise Invalid.of(kind, "", errors, group="authorization.k8s.io")

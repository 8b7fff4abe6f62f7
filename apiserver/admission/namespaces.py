"""NamespaceLifecycle: nothing is created in a namespace that does not exist or is on its way out.

Source of meaning: k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery.errors import Forbidden, NotFound
from apiserver.admission.plugin import ANY, Plugin, Reader, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_REVIEWS = frozenset({"localsubjectaccessreviews.authorization.k8s.io"})


def _live_namespace(op: Operation, reader: Reader) -> None:
    if op.kind.resource == "namespaces":
        if op.verb == "DELETE" and op.name in _IMMORTAL and not op.subresource:
            raise Forbidden.of("namespaces", op.name, "this namespace may not be deleted")
        return
    if op.verb != "CREATE" or not op.namespace or op.kind.resource in _REVIEWS:
        return
    namespace = reader.get("namespaces", "", op.namespace)
    if namespace is None:
        raise NotFound.of("namespaces", op.namespace)
    if (namespace.get("status") or {}).get("phase") == "Terminating":
        raise _terminating(op, namespace["metadata"].get("deletionTimestamp", ""))


def _terminating(op: Operation, since: str) -> Forbidden:
    error = refusal(op, f"unable to create new content in namespace {op.namespace} because it is being terminated")
    error.causes.append(
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {op.namespace} is being terminated",
            "field": "metadata.namespace",
        }
    )
    return error


PLUGIN = Plugin(
    "NamespaceLifecycle",
    frozenset({ANY}),
    frozenset({"CREATE", "DELETE"}),
    frozenset({ANY}),
    admit=_live_namespace,
    # Once more: another plugin may have waited meanwhile (for the default ServiceAccount), and what is created in a
    # namespace after its last look around would stay for ever.
    validate=_live_namespace,
)

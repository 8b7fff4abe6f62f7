"""The parameters of policies: which objects of ``paramKind`` a binding's ``paramRef`` names.

Source: CollectParams of k8s.io/apiserver/pkg/admission/plugin/policy/generic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery.kinds.kind import Document, Kind
from apimachinery.selectors import from_document
from apiserver.registry.documents import private
from apiserver.registry.places import resource_of

if TYPE_CHECKING:
    from apiserver.admission.plugin import Reader
    from apiserver.kindtable import KindTable


class CannotConfigure(Exception):
    """The text says what is wrong with a binding, in upstream's words."""


class Params:
    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds
        self._generation = -1
        self._by_name: dict[tuple[str, str], Kind] = {}

    def problem(self, param_kind: Document | None) -> str:
        """Why a policy with the paramKind cannot be used, or ""."""
        if param_kind is None or self._kind(param_kind) is not None:
            return ""
        group, _, version = param_kind["apiVersion"].rpartition("/")
        return f"failed to find resource referenced by paramKind: '{group}/{version}, Kind={param_kind['kind']}'"

    def of(
        self, param_kind: Document | None, ref: Document | None, namespace: str, reader: Reader
    ) -> list[Document | None]:
        """What the policy is evaluated with, once for each. Raises CannotConfigure."""
        if param_kind is None or ref is None:
            return [None]
        kind = self._kind(param_kind)
        if kind is None:
            raise CannotConfigure(self.problem(param_kind))
        found = self._found(kind, ref, _namespace(kind, ref, namespace), reader)
        if not found and ref.get("parameterNotFoundAction") == "Deny":
            raise CannotConfigure("no params found for policy binding with `Deny` parameterNotFoundAction")
        return [_shown(kind, param) for param in found]

    def _kind(self, param_kind: Document) -> Kind | None:
        if self._generation != self._kinds.generation:
            self._by_name = {(k.api_version, k.kind): k for k in self._kinds.all()}
            self._generation = self._kinds.generation
        return self._by_name.get((param_kind["apiVersion"], param_kind["kind"]))

    @staticmethod
    def _found(kind: Kind, ref: Document, namespace: str, reader: Reader) -> list[Document]:
        resource = resource_of(kind)
        if ref.get("name"):
            found = reader.get(resource, namespace, ref["name"])
            return [] if found is None else [found]
        try:
            selector = from_document(ref.get("selector"))
        except ValueError as error:
            raise CannotConfigure(str(error)) from error
        listed = reader.list(resource, namespace)
        return [each for each in listed if selector.matches(each["metadata"].get("labels"))]


def _namespace(kind: Kind, ref: Document, namespace: str) -> str:
    given = ref.get("namespace") or ""
    if not kind.namespaced:
        if given:
            raise CannotConfigure("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    if not given and not namespace:
        why = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        raise CannotConfigure(why)
    return given or namespace


def _shown(kind: Kind, stored: Document) -> Document:
    if stored.get("apiVersion") == kind.api_version or kind.from_stored is None:
        return stored
    if kind.custom is not None and kind.custom.convert is not None:
        # A webhook would have to convert it, and an admission decision waits for no second webhook.
        raise CannotConfigure(f"params of {kind.api_version}, Kind={kind.kind} are stored in another version")
    return kind.from_stored(private(stored))

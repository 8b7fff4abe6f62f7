"""Default classes and what protects volumes: DefaultStorageClass, DefaultIngressClass, StorageObjectInUseProtection,
PersistentVolumeClaimResize.

Sources of meaning: plugin/pkg/admission/{storage,network}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery.quantities import parse
from apiserver.admission.plugin import CREATE, Document, Plugin, Reader, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

_CLAIMS = frozenset({"persistentvolumeclaims"})
_STORAGE_CLASSES = "storageclasses.storage.k8s.io"
_DEFAULT_STORAGE = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_OLD_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class"
_PROTECTION = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


def default_class(classes: list[Document], annotations: tuple[str, ...]) -> Document | None:
    """The newest class that one of the annotations marks as the default; the first by name of equally old ones."""
    marked = [c for c in classes if any((_annotations(c)).get(a) == "true" for a in annotations)]
    marked.sort(key=lambda c: c["metadata"]["name"])
    return max(marked, key=lambda c: c["metadata"].get("creationTimestamp", ""), default=None)


def _annotations(obj: Document) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def _set_storage_class(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    if spec.get("storageClassName") is not None or _OLD_STORAGE_CLASS in _annotations(op.object):
        return
    found = default_class(reader.list(_STORAGE_CLASSES), _DEFAULT_STORAGE)
    if found is not None:
        spec["storageClassName"] = found["metadata"]["name"]


def _set_ingress_class(op: Operation, reader: Reader) -> None:
    spec = op.object.get("spec") or {}
    if spec.get("ingressClassName") is not None or "kubernetes.io/ingress.class" in _annotations(op.object):
        return
    classes = reader.list("ingressclasses.networking.k8s.io")
    found = default_class(classes, ("ingressclass.kubernetes.io/is-default-class",))
    if found is not None:
        op.object["spec"] = {**spec, "ingressClassName": found["metadata"]["name"]}


def _protect(op: Operation, reader: Reader) -> None:
    finalizer = _PROTECTION[op.kind.plural]
    metadata = op.object["metadata"]
    if finalizer not in (metadata.get("finalizers") or ()):
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), finalizer]


def _check_resize(op: Operation, reader: Reader) -> None:
    if _requested(op.object) <= _requested(op.old_object):
        return
    if (op.old_object.get("status") or {}).get("phase") != "Bound":
        raise refusal(op, "Only bound persistent volume claims can be expanded")
    name, old = _class_of(op.object), _class_of(op.old_object)
    found = reader.get(_STORAGE_CLASSES, "", name) if name and name == old else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise refusal(
            op,
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize",
        )


def _requested(claim: Document) -> object:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return parse(requests.get("storage", "0"))


def _class_of(claim: Document) -> str:
    return _annotations(claim).get(_OLD_STORAGE_CLASS) or claim["spec"].get("storageClassName") or ""


STORAGE_CLASS = Plugin("DefaultStorageClass", _CLAIMS, CREATE, admit=_set_storage_class)
INGRESS_CLASS = Plugin(
    "DefaultIngressClass", frozenset({"ingresses.networking.k8s.io"}), CREATE, admit=_set_ingress_class
)
IN_USE_PROTECTION = Plugin("StorageObjectInUseProtection", frozenset(_PROTECTION), CREATE, admit=_protect)
CLAIM_RESIZE = Plugin("PersistentVolumeClaimResize", _CLAIMS, frozenset({"UPDATE"}), validate=_check_resize)

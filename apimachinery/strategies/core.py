"""Namespaces, secrets and service accounts."""

from __future__ import annotations

from typing import Any

from apimachinery.defaults.core import NAME_LABEL

Document = dict[str, Any]

FINALIZER = "kubernetes"


def create_namespace(obj: Document) -> None:
    """Active, and with the finalizer that its controller removes when all content is gone."""
    obj["status"] = {"phase": "Active"}
    spec = obj["spec"] = obj.get("spec") or {}
    finalizers = spec["finalizers"] = list(spec.get("finalizers") or ())
    if FINALIZER not in finalizers:
        finalizers.append(FINALIZER)
    metadata = obj["metadata"]
    if metadata.get("name"):
        metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: metadata["name"]}


def update_namespace(new: Document, old: Document) -> None:
    """Finalizers change through the finalize subresource only."""
    finalizers = (old.get("spec") or {}).get("finalizers")
    spec = new["spec"] = new.get("spec") or {}
    if finalizers:
        spec["finalizers"] = finalizers
    else:
        spec.pop("finalizers", None)


def finalize_namespace(new: Document, old: Document, now: str) -> None:
    new["status"] = old.get("status") or {}


def update_secret(new: Document, old: Document) -> None:
    if not new.get("type"):
        new["type"] = old.get("type")


def create_service_account(obj: Document) -> None:
    """Only the names of secrets are kept."""
    if obj.get("secrets"):
        obj["secrets"] = [{"name": each["name"]} if each.get("name") else {} for each in obj["secrets"]]


def update_service_account(new: Document, old: Document) -> None:
    create_service_account(new)

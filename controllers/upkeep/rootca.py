"""Every namespace has the ConfigMap kube-root-ca.crt, which pods' tokens come with.

Source: pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Create, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]

NAME = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class Publisher:
    def __init__(self, certificates: str) -> None:
        self._data = {"ca.crt": certificates}

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        namespace = reader.get("namespaces", "", key.name)
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return []
        if (namespace.get("status") or {}).get("phase") == "Terminating":
            return []
        found = reader.get("configmaps", key.name, NAME)
        annotations = {"kubernetes.io/description": _DESCRIPTION}
        if found is None:
            made = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": NAME, "namespace": key.name, "annotations": annotations},
                "data": self._data,
            }
            return [Create("configmaps", made, ignore_exists=True)]
        if found.get("data") == self._data:
            return []
        meta = {**found["metadata"], "annotations": {**(found["metadata"].get("annotations") or {}), **annotations}}
        return [Update("configmaps", {**found, "metadata": meta, "data": self._data})]


def _of_config_map(found: Document, reader: Reader) -> Iterable[Key]:
    return (Key("", found["metadata"]["namespace"]),) if found["metadata"]["name"] == NAME else ()


def controller(certificates: str) -> Controller:
    """``certificates``: PEM."""
    return Controller(
        name="root-ca-certificate-publisher",
        watches=(Watch("namespaces", own_key), Watch("configmaps", _of_config_map)),
        reconcile=Publisher(certificates).reconcile,
    )

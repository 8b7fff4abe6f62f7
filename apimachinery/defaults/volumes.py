"""Volumes of pods, and the sources that persistent volumes share with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apimachinery.defaults.containers import pull_policy, resource_field
from apimachinery.defaults.fields import Document, empty, items, quantity, resource_list, unset

FILE_MODE = 0o644
TOKEN_SECONDS = 3600


def volume(obj: Document) -> None:
    """One volume of a pod; one without a source is an emptyDir."""
    sources = [key for key, value in obj.items() if key != "name" and value is not None]
    if not sources:
        obj["emptyDir"] = {}
        return
    for key in sources:
        step = _SOURCES.get(key)
        if step and isinstance(obj[key], dict):
            step(obj[key])


def persistent_source(spec: Document) -> None:
    """The source of a persistent volume, which stands among its other fields."""
    for key, step in _PERSISTENT.items():
        if isinstance(spec.get(key), dict):
            step(spec[key])


def claim_spec(spec: Document) -> None:
    """The spec of a claim or of a template of claims."""
    unset(spec, "volumeMode", "Filesystem")
    unset(spec, "resources", {})
    resource_list(spec["resources"], "limits", "requests")


def _mode(source: Document) -> None:
    unset(source, "defaultMode", FILE_MODE)


def _fields(source: Document) -> None:
    for item in items(source, "items"):
        if item.get("fieldRef") is not None:
            empty(item["fieldRef"], "apiVersion", "v1")
        if item.get("resourceFieldRef") is not None:
            resource_field(item["resourceFieldRef"])


def _downward(source: Document) -> None:
    _mode(source)
    _fields(source)


def _projected(source: Document) -> None:
    _mode(source)
    for each in items(source, "sources"):
        if each.get("downwardAPI") is not None:
            _fields(each["downwardAPI"])
        if each.get("serviceAccountToken") is not None:
            unset(each["serviceAccountToken"], "expirationSeconds", TOKEN_SECONDS)


def _ephemeral(source: Document) -> None:
    template = source.get("volumeClaimTemplate")
    if template is not None:
        unset(template, "spec", {})
        claim_spec(template["spec"])


def _image(source: Document) -> None:
    empty(source, "pullPolicy", pull_policy(source.get("reference") or ""))


def _set(**values: Any) -> Callable[[Document], None]:
    def step(source: Document) -> None:
        for key, value in values.items():
            empty(source, key, value)

    return step


def _azure_disk(source: Document) -> None:
    empty(source, "cachingMode", "ReadWrite")
    unset(source, "fsType", "ext4")
    unset(source, "readOnly", False)
    empty(source, "kind", "Shared")


_PERSISTENT: dict[str, Callable[[Document], None]] = {
    "hostPath": lambda source: unset(source, "type", ""),
    "azureDisk": _azure_disk,
    "iscsi": _set(iscsiInterface="default"),
    "rbd": _set(pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "scaleIO": _set(storageMode="ThinProvisioned", fsType="xfs"),
}

_SOURCES: dict[str, Callable[[Document], None]] = {
    **_PERSISTENT,
    "configMap": _mode,
    "downwardAPI": _downward,
    "emptyDir": lambda source: quantity(source, "sizeLimit"),
    "ephemeral": _ephemeral,
    "image": _image,
    "projected": _projected,
    "secret": _mode,
}

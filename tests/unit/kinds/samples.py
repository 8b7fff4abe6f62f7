"""One small valid manifest of every kind that is stored, as a user would write it."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from apimachinery.kinds.kind import Kind

Document = dict[str, Any]


@cache
def _manifests() -> dict[tuple[str, str], Document]:
    text = Path(__file__).with_name("samples.yaml").read_text()
    return {(each["apiVersion"], each["kind"]): each for each in yaml.safe_load_all(text)}


def sample(kind: Kind) -> Document:
    """A manifest of the kind. Raises KeyError where there is none."""
    return copy.deepcopy(_manifests()[kind.api_version, kind.kind])


def created(kind: Kind, manifest: Document | None = None) -> Document:
    """What a create makes of the manifest before it is validated, but for what depends on the server's state."""
    obj = manifest if manifest is not None else sample(kind)
    metadata = obj.setdefault("metadata", {})
    if kind.namespaced:
        metadata.setdefault("namespace", "default")
    metadata |= {"uid": "4b1f23aa-1c1f-4c6a-9d8c-4b6de7e1b8a1", "creationTimestamp": "2026-01-02T03:04:05Z"}
    kind.set_defaults(obj)
    if kind.has_status:
        obj.pop("status", None)
    kind.prepare_create(obj)
    if kind.has_status:
        obj.setdefault("status", {})
    kind.set_defaults(obj)
    return obj

"""Pod templates: pods made of them, their hash, and whether two are the same."""

from __future__ import annotations

from typing import Any

import orjson

from controllers.workloads.refs import controller_ref

Document = dict[str, Any]

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Of k8s.io/apimachinery/pkg/util/rand: no vowels, nothing to misread."""
HASH_LABEL = "pod-template-hash"


def pod_from(template: Document, owner: Document, *, name: str = "") -> Document:
    """A pod of ``owner``, controlled by it: named ``name``, or after its owner and a suffix that the server chooses."""
    given = template.get("metadata") or {}
    meta: Document = {"namespace": owner["metadata"]["namespace"], "ownerReferences": [controller_ref(owner)]}
    if name:
        meta["name"] = name
    else:
        meta["generateName"] = f"{owner['metadata']['name']}-"
    for key in ("labels", "annotations"):
        if given.get(key):
            meta[key] = dict(given[key])
    if given.get("finalizers"):
        meta["finalizers"] = list(given["finalizers"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template.get("spec") or {}}


def compute_hash(template: Document, collisions: int | None = None) -> str:
    """A short name for a template: FNV-1a over its canonical JSON. Upstream hashes Go's dump of it, so the values
    differ from a real cluster's; nothing depends on more than that they are stable."""
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    return safe_encode(str(fnv1a_32(data)))


def fnv1a_32(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def safe_encode(text: str) -> str:
    return "".join(_ALPHABET[ord(c) % len(_ALPHABET)] for c in text)


def same_but_for_hash(left: Document, right: Document) -> bool:
    """Whether two templates are equal but for the label that names their hash."""
    return _comparable(left) == _comparable(right)


def _comparable(template: Document) -> Document:
    meta = {k: v for k, v in (template.get("metadata") or {}).items() if v and k != "labels"}
    labels = (template.get("metadata") or {}).get("labels") or {}
    meta["labels"] = {k: v for k, v in labels.items() if k != HASH_LABEL}
    return {"metadata": meta, "spec": template.get("spec") or {}}

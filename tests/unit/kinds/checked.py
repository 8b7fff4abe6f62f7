"""What validation says of samples that were changed a little."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from apimachinery.kinds import named
from apimachinery.validation import metadata
from tests.unit.kinds.samples import Document, created, sample

GONE = ...


def put(obj: Any, path: str, value: Any) -> None:
    """Sets what is at ``spec.containers.0.image``; GONE removes it."""
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("/" if "/" in path else "."))
    for key in parents:
        obj = obj.setdefault(key, {}) if isinstance(obj, dict) else obj[key]
    if value is GONE:
        del obj[last]
    elif isinstance(obj, list) and last == len(obj):
        obj.append(value)
    else:
        obj[last] = value


def changed(resource: str, changes: Mapping[str, Any]) -> Document:
    manifest = sample(named(resource))
    for path, value in changes.items():
        put(manifest, path, copy.deepcopy(value))
    return manifest


def on_create(resource: str, changes: Mapping[str, Any]) -> list[str]:
    """The errors that creating the sample with ``changes`` meets, as texts."""
    kind = named(resource)
    obj = created(kind, changed(resource, changes))
    return [str(error) for error in metadata.validate_create(kind, obj) + kind.validate_create(obj)]


def on_update(resource: str, changes: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[str]:
    """The errors that an update of the sample (with ``before``) by ``changes`` meets."""
    kind = named(resource)
    old = created(kind, changed(resource, before or {}))
    old["metadata"]["resourceVersion"] = "7"
    new = copy.deepcopy(old)
    for path, value in changes.items():
        put(new, path, copy.deepcopy(value))
    kind.set_defaults(new)
    kind.prepare_update(new, old)
    return [str(error) for error in metadata.validate_update(kind, new, old) + kind.validate_update(new, old)]


def on_status_update(resource: str, old_status: Document, new_status: Document) -> list[str]:
    kind = named(resource)
    old = created(kind)
    old["metadata"]["resourceVersion"] = "7"
    old["status"] = old_status
    new = {**copy.deepcopy(old), "status": new_status}
    return [str(error) for error in kind.validate_status_update(new, old)]

"""Fields that an applier would change and others own.

Source: k8s.io/apimachinery/pkg/util/managedfields/internal (conflict.go, lastappliedmanager.go).
"""

from __future__ import annotations

from typing import Any

import orjson

from apimachinery.errors import ApplyConflict
from apimachinery.managedfields import comparing, entries, fields
from apimachinery.managedfields.entries import Entry, Identity
from apimachinery.managedfields.fields import Trie
from apimachinery.managedfields.typed import field_set
from apimachinery.schemas.schema import Schema

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"

Doc = dict[str, Any]


def refuse(current: list[Entry], who: Identity, changed: Trie, live: Doc, api_version: str, schema: Schema) -> None:
    """Raise ApplyConflict if others own something of what ``who`` would change.

    kubectl's server-side apply may take what its client-side apply owned, by the annotation that this left.
    """
    conflicts: list[tuple[Identity, tuple[str, ...]]] = []
    for entry in current:
        other = entries.identity(entry)
        if other != who and changed:
            both = fields.intersection(entry.get("fieldsV1") or {}, changed)
            conflicts += [(other, path) for path in fields.paths(both)]
    if conflicts and who.manager == KUBECTL:
        allowed = set(fields.paths(_last_applied(live, api_version, schema)))
        if all(path in allowed for _, path in conflicts):
            return
        conflicts = [(other, path) for other, path in conflicts if path not in allowed]
    if conflicts:
        raise _conflict(sorted(conflicts, key=lambda c: (str(c[0]), c[1])))


def _conflict(conflicts: list[tuple[Identity, tuple[str, ...]]]) -> ApplyConflict:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": fields.path_text(path)}
        for who, path in conflicts
    ]
    if len(conflicts) == 1:
        who, path = conflicts[0]
        what = f"1 conflict: conflict with {who}: {fields.path_text(path)}"
    else:
        lines: list[str] = []
        for index, (who, path) in enumerate(conflicts):
            if index == 0 or conflicts[index - 1][0] != who:
                lines.append(f"conflicts with {who}:")
            lines.append(f"- {fields.path_text(path)}")
        what = f"{len(conflicts)} conflicts: " + "\n".join(lines)
    return ApplyConflict(f"Apply failed with {what}", causes=causes)


def _last_applied(live: Doc, api_version: str, schema: Schema) -> Trie:
    """What client-side apply owns: the annotation's fields that the live object still has with these values."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return {}
    try:
        last = orjson.loads(text)
    except ValueError:
        return {}
    if not isinstance(last, dict) or last.get("apiVersion") != api_version:
        return {}
    changed, removed = comparing.compare(schema, last, live)
    return fields.difference(fields.difference(field_set(schema, last), changed), removed)

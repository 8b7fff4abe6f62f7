"""Server-side apply.

Source: merge.Updater.Apply of sigs.k8s.io/structured-merge-diff and the managers around it in
k8s.io/apimachinery/pkg/util/managedfields/internal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from apimachinery.errors import BadRequest, InternalError
from apimachinery.managedfields import comparing, entries, fields
from apimachinery.managedfields.conflicts import KUBECTL, LAST_APPLIED, refuse
from apimachinery.managedfields.entries import APPLY, UPDATE, Entry, Identity
from apimachinery.managedfields.fields import SELF, Trie
from apimachinery.managedfields.merging import merge, remove, with_parents
from apimachinery.managedfields.typed import field_set
from apimachinery.schemas.schema import Schema
from apimachinery.timestamps import rfc3339

_UNOWNED_ROOT = ("f:apiVersion", "f:kind")
_UNOWNED_METADATA = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                     "managedFields", "resourceVersion")  # fmt: skip

Doc = dict[str, Any]


def apply(
    live: Doc | None,
    config: Doc,
    *,
    manager: str,
    api_version: str,
    now: datetime,
    schema: Schema,
    force: bool,
    subresource: str = "",
) -> Doc:
    """The object after ``manager`` applied ``config``; ``live`` None creates it. Neither is changed.

    Default and validate what comes back. It equals ``live`` but for metadata.managedFields if the configuration changed
    nothing. Raises ApplyConflict if others own, with other values, what it sets (unless ``force``); BadRequest for a
    configuration of another version or with managedFields; InternalError, as upstream, where it breaks the schema.
    """
    _refuse_what_is_no_config(config, api_version)
    problems: list[str] = []
    applied = field_set(schema, config, problems)
    if problems:
        raise _untyped(config, problems)
    who = Identity(manager, APPLY, "", subresource)
    current = _owners(live, now, api_version, schema)
    bare = _without_owners(live or {})
    merged = _pruned(schema, merge(schema, bare, config), current, who, applied)
    changed, removed = comparing.compare(schema, bare, merged)
    if not force:
        refuse(current, who, changed, bare, api_version, schema)
    owners = _after(current, who, applied, changed, removed, api_version, now, same=not changed and not removed)
    return _finished(merged, owners, config, manager)


def _refuse_what_is_no_config(config: Doc, api_version: str) -> None:
    if config.get("apiVersion") != api_version:
        raise BadRequest(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {config.get('apiVersion', '')}, expected: {api_version}"
        )
    if (config.get("metadata") or {}).get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")


def _untyped(config: Doc, problems: list[str]) -> InternalError:
    metadata = config.get("metadata") or {}
    what = problems[0] if len(problems) == 1 else "errors:\n" + "".join(f"  {p}\n" for p in problems)
    named = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    kind = f"{config.get('apiVersion')}, Kind={config.get('kind', '')}"
    return InternalError(f"failed to create typed patch object ({named}; {kind}): {what}")


def _owners(live: Doc | None, now: datetime, api_version: str, schema: Schema) -> list[Entry]:
    """The live object's owners. What was there before anybody was tracked belongs to "before-first-apply"."""
    if live is None:
        return []
    listed = (live.get("metadata") or {}).get("managedFields")
    if listed is not None and entries.usable(listed):
        return list(listed)
    there, _ = comparing.compare(schema, {}, live)
    who = Identity("before-first-apply", UPDATE, api_version, "")
    return [entries.make(who, api_version, rfc3339(now), there)] if there else []


def _without_owners(doc: Doc) -> Doc:
    if "managedFields" not in (doc.get("metadata") or {}):
        return doc
    return {**doc, "metadata": {k: v for k, v in doc["metadata"].items() if k != "managedFields"}}


def _pruned(schema: Schema, merged: Doc, current: list[Entry], who: Identity, applied: Trie) -> Doc:
    """``merged`` without what ``who`` applied before, applies no more, and nobody else owns."""
    last = next((e.get("fieldsV1") or {} for e in current if entries.identity(e) == who), {})
    if not last:
        return merged
    owned = applied
    for entry in current:
        if entries.identity(entry) != who:
            owned = fields.union(owned, entry.get("fieldsV1") or {})
    last_all, there = with_parents(schema, last), with_parents(schema, field_set(schema, merged))

    def left_over(doc: Doc) -> Trie:
        return with_parents(schema, field_set(schema, doc))

    bare = remove(schema, merged, last_all)
    kept = fields.union(left_over(bare), with_parents(schema, owned))
    with_owned = remove(schema, merged, fields.difference(there, kept))
    dangling = fields.intersection(fields.difference(there, left_over(with_owned)), last_all)
    return remove(schema, merged, dangling)


def _after(
    current: list[Entry],
    who: Identity,
    applied: Trie,
    changed: Trie,
    removed: Trie,
    api_version: str,
    now: datetime,
    *,
    same: bool,
) -> list[Entry]:
    left: list[Entry] = []
    time = rfc3339(now)
    for entry in current:
        if entries.identity(entry) == who:
            time = entry.get("time", time) if same else time
            continue
        trie = entry.get("fieldsV1") or {}
        rest = fields.difference(fields.difference(trie, changed), removed)
        if rest:
            left.append(entry if rest is trie else {**entry, "fieldsV1": rest})
    owned = _stripped(applied)
    if owned:
        left.append(entries.make(who, api_version, time, owned))
    return entries.in_order(left)


def _stripped(trie: Trie) -> Trie:
    """Without the metadata that nobody owns."""
    gone: Trie = {f"f:{name}": {} for name in _UNOWNED_METADATA}
    return fields.difference(trie, {**{name: {} for name in _UNOWNED_ROOT}, "f:metadata": {SELF: {}, **gone}})


def _finished(merged: Doc, owners: list[Entry], config: Doc, manager: str) -> Doc:
    metadata = dict(merged.get("metadata") or {})
    annotations = metadata.get("annotations") or {}
    if manager == KUBECTL and annotations.get(LAST_APPLIED):
        metadata["annotations"] = {**annotations, LAST_APPLIED: _as_last_applied(config)}
    if owners:
        metadata["managedFields"] = owners
    return {**merged, "metadata": metadata}


def _as_last_applied(config: Doc) -> str:
    metadata = config.get("metadata") or {}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    shown = {k: v for k, v in metadata.items() if k != "annotations"}
    if annotations:
        shown["annotations"] = annotations
    return orjson.dumps({**config, "metadata": shown}, option=orjson.OPT_SORT_KEYS).decode() + "\n"

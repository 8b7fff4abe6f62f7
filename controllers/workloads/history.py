"""ControllerRevisions: the templates that a DaemonSet or StatefulSet had. Source: pkg/controller/history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from apimachinery.selectors import LabelSelector
from controllers.actions import Action, Create, Delete, Patch, Update
from controllers.controller import Reader
from controllers.workloads import refs, templates

Document = dict[str, Any]

REVISIONS = "controllerrevisions.apps"
HASH_LABEL = "controller-revision-hash"
_MAX_PREFIX = 223


def owned(owner: Document, selector: LabelSelector, reader: Reader) -> tuple[list[Document], list[Action]]:
    """Its revisions, the oldest first, with the patches that adopt or release some."""
    candidates = refs.owned_or_adoptable(REVISIONS, owner, reader)
    found, actions = refs.claim(REVISIONS, owner, candidates, selector)
    return sorted(found, key=lambda r: (r["revision"], r["metadata"].get("creationTimestamp", ""))), actions


def current(
    owner: Document, revisions: list[Document], label: str, reader: Reader
) -> tuple[Document | None, list[Action]]:
    """The revision of the present template. Where it is not there yet (or not the newest): None, and the write that
    makes it so, after which the owner is looked at again."""
    data = data_of(owner)
    equal = [r for r in revisions if r.get("data") == data]
    highest = max((r["revision"] for r in revisions if r not in equal), default=0)
    if equal:
        newest = equal[-1]
        if newest["revision"] > highest:
            return newest, []
        return None, [Update(REVISIONS, {**newest, "revision": highest + 1})]
    made = _new(owner, data, highest + 1, label)
    meta = made["metadata"]
    if reader.get(REVISIONS, meta["namespace"], meta["name"]) is None:
        return None, [Create(REVISIONS, made)]
    return None, [_collision(owner)]


def data_of(owner: Document) -> Document:
    """A patch that brings this template back, as ``kubectl rollout undo`` applies it."""
    data = {"spec": {"template": {"$patch": "replace", **owner["spec"]["template"]}}}
    # Clients compare it byte by byte with what Go's encoder makes of a template, and that sorts.
    return orjson.loads(orjson.dumps(data, option=orjson.OPT_SORT_KEYS))  # type: ignore[no-any-return]


def template_of(revision: Document) -> Document:
    template = revision["data"]["spec"]["template"]
    return {k: v for k, v in template.items() if k != "$patch"}


def truncated(
    revisions: list[Document], live: set[str], limit: int | None, key: Callable[[Document], str], *, old: int = 0
) -> list[Action]:
    """The removal of what is over the limit and in no pod's use; ``key(revision)`` is what pods name it by.

    ``old``: how many count against the limit, where it is not just those that nobody uses."""
    if limit is None:
        return []
    unused = [r for r in revisions if key(r) not in live]
    return [
        Delete(REVISIONS, r["metadata"]["namespace"], r["metadata"]["name"], uid=r["metadata"]["uid"])
        for r in unused[: max(0, (old or len(unused)) - limit)]
    ]


def _new(owner: Document, data: Document, number: int, label: str) -> Document:
    meta = owner["metadata"]
    collisions = (owner.get("status") or {}).get("collisionCount")
    seed = orjson.dumps(data, option=orjson.OPT_SORT_KEYS) + str(collisions or "").encode()
    hash_ = templates.safe_encode(str(templates.fnv1a_32(seed)))
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    made = {
        "name": f"{meta['name'][:_MAX_PREFIX]}-{hash_}",
        "namespace": meta["namespace"],
        "labels": {**labels, label: hash_},
        "ownerReferences": [refs.controller_ref(owner)],
    }
    if meta.get("annotations"):
        # Among them is the cause of the change, which kubectl rollout history shows.
        made["annotations"] = dict(meta["annotations"])
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": made,
        "data": data,
        "revision": number,
    }


def _collision(owner: Document) -> Patch:
    """Another revision has the name: the hash is counted up."""
    count = ((owner.get("status") or {}).get("collisionCount") or 0) + 1
    resource = {"DaemonSet": "daemonsets.apps", "StatefulSet": "statefulsets.apps"}[owner["kind"]]
    body = {"status": {"collisionCount": count}}
    return Patch(resource, owner["metadata"]["namespace"], owner["metadata"]["name"], body, subresource="status")

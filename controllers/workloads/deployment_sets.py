"""The ReplicaSets of a Deployment: which is the new one, their revisions and annotations, and how many pods each may
have. Source: pkg/controller/deployment/util."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from controllers.workloads import refs, templates

Document = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
)
_MAX_HISTORY = 2000
"""Characters of the history annotation."""
_UNLIMITED = 2**31 - 1
_MAX_NAME = 253


def annotations(obj: Document) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def by_age(sets: Iterable[Document]) -> list[Document]:
    """The oldest first."""
    return sorted(sets, key=lambda s: (s["metadata"].get("creationTimestamp", ""), s["metadata"]["name"]))


def active(sets: Iterable[Document]) -> list[Document]:
    return [s for s in sets if s["spec"]["replicas"] > 0]


def find_new(deployment: Document, sets: Iterable[Document]) -> Document | None:
    """The set of the present template: the oldest, should there be several."""
    template = deployment["spec"]["template"]
    for candidate in by_age(sets):
        if templates.same_but_for_hash(candidate["spec"]["template"], template):
            return candidate
    return None


def revision(obj: Document) -> int:
    value = annotations(obj).get(REVISION, "")
    return int(value) if value.isdigit() else 0


def number_annotation(obj: Document, name: str) -> int | None:
    value = annotations(obj).get(name, "")
    return int(value) if value.isdigit() else None


def sum_of(sets: Iterable[Document], section: str, name: str) -> int:
    return sum((s.get(section) or {}).get(name) or 0 for s in sets)


def scaled(value: Any, total: int, *, up: bool) -> int:
    """An int-or-percent of ``total``."""
    if isinstance(value, str) and value.endswith("%"):
        part = int(value[:-1]) * total
        return -(-part // 100) if up else part // 100
    return int(value or 0)


def is_rolling(deployment: Document) -> bool:
    return (deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"


def max_surge(deployment: Document) -> int:
    if not is_rolling(deployment):
        return 0
    return fenceposts(deployment)[0]


def max_unavailable(deployment: Document) -> int:
    replicas = deployment["spec"]["replicas"]
    if not is_rolling(deployment) or replicas == 0:
        return 0
    return min(fenceposts(deployment)[1], replicas)


def fenceposts(deployment: Document) -> tuple[int, int]:
    """``(surge, unavailable)``; where both round to nothing one pod may be unavailable, lest nothing ever move."""
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    replicas = deployment["spec"]["replicas"]
    surge = scaled(rolling.get("maxSurge"), replicas, up=True)
    unavailable = scaled(rolling.get("maxUnavailable"), replicas, up=False)
    return (0, 1) if surge == 0 and unavailable == 0 else (surge, unavailable)


def has_deadline(deployment: Document) -> bool:
    return deployment["spec"].get("progressDeadlineSeconds") not in (None, _UNLIMITED)


def history_limit(deployment: Document) -> int | None:
    limit = deployment["spec"].get("revisionHistoryLimit")
    return None if limit == _UNLIMITED else limit


def new_set(deployment: Document, revision_: int) -> Document:
    """The set of the present template, with no replicas yet."""
    meta, spec = deployment["metadata"], deployment["spec"]
    hash_ = templates.compute_hash(spec["template"], (deployment.get("status") or {}).get("collisionCount"))
    template = {**spec["template"], "metadata": {**(spec["template"].get("metadata") or {})}}
    labels = {**(template["metadata"].get("labels") or {}), templates.HASH_LABEL: hash_}
    template["metadata"]["labels"] = labels
    selector = {**spec["selector"]}
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), templates.HASH_LABEL: hash_}
    made: Document = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name'][: _MAX_NAME - 1 - len(hash_)]}-{hash_}",
            "namespace": meta["namespace"],
            "labels": dict(labels),
            "ownerReferences": [refs.controller_ref(deployment)],
            "annotations": {},
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        made["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    made["metadata"]["annotations"] = {
        **annotations_of_new(deployment, made, revision_),
        **replica_annotations(deployment),
    }
    return made


def annotations_of_new(deployment: Document, set_: Document, revision_: int) -> dict[str, str]:
    """What the new set's annotations ought to be: the Deployment's, its revision, and those it had before."""
    found = dict(annotations(set_))
    for key, value in annotations(deployment).items():
        if key not in _NOT_COPIED:
            found[key] = value
    before = found.get(REVISION, "")
    if before and not before.isdigit():
        return found
    if int(before or 0) < revision_:
        found[REVISION] = str(revision_)
        if before:
            found[HISTORY] = _longer_history(found.get(HISTORY, ""), before)
    return found


def replica_annotations(deployment: Document) -> dict[str, str]:
    replicas = deployment["spec"]["replicas"]
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + max_surge(deployment))}


def _longer_history(history: str, before: str) -> str:
    revisions = [*(r for r in history.split(",") if r), before]
    while len(",".join(revisions)) > _MAX_HISTORY:
        revisions.pop(0)
    return ",".join(revisions)


def is_saturated(deployment: Document, set_: Document | None) -> bool:
    if set_ is None:
        return False
    wanted = deployment["spec"]["replicas"]
    available = (set_.get("status") or {}).get("availableReplicas") or 0
    return set_["spec"]["replicas"] == wanted == available and number_annotation(set_, DESIRED) == wanted


def replicas_of_new(deployment: Document, others: Iterable[Document], current: int) -> int:
    """How many the new set, that has ``current``, may have now."""
    wanted = deployment["spec"]["replicas"]
    if not is_rolling(deployment):
        return wanted
    total = current + sum_of(others, "spec", "replicas")
    room = wanted + max_surge(deployment) - total
    return current if room <= 0 else current + min(room, wanted - current)


def proportions(deployment: Document, sets: Iterable[Document]) -> list[tuple[Document, int]]:
    """The sizes that a changed number of replicas means for the active sets of a rollout, the largest first."""
    found = active(sets)
    wanted = deployment["spec"]["replicas"]
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    to_add = allowed - sum_of(found, "spec", "replicas")
    ordered = by_age(found) if to_add < 0 else by_age(found)[::-1]
    ordered.sort(key=lambda s: -s["spec"]["replicas"])
    added, sizes = 0, []
    for set_ in ordered:
        share = _share(deployment, set_, to_add, added)
        sizes.append(set_["spec"]["replicas"] + share)
        added += share
    if sizes and to_add:
        sizes[0] = max(0, sizes[0] + to_add - added)
    return list(zip(ordered, sizes))


def _share(deployment: Document, set_: Document, to_add: int, added: int) -> int:
    if to_add in (0, added):
        return 0
    fraction = _fraction(deployment, set_)
    return min(fraction, to_add - added) if to_add > 0 else max(fraction, to_add - added)


def _fraction(deployment: Document, set_: Document) -> int:
    size, wanted = set_["spec"]["replicas"], deployment["spec"]["replicas"]
    if wanted == 0:
        return -size
    before = number_annotation(set_, MAXIMUM) or (deployment.get("status") or {}).get("replicas") or 0
    if not before:
        return 0
    exact = size * (wanted + max_surge(deployment)) / before
    return math.floor(exact + 0.5) - size

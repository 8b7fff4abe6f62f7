"""ResourceQuota: what a namespace may hold of each resource, checked last and charged until the write ended.

Upstream charges ``status.used`` of the quota. Here usage is counted from the stored objects, so it is never stale,
plus what writes in flight have reserved; ``status`` is left to a controller. Source of wording:
k8s.io/apiserver/pkg/admission/plugin/resourcequota.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from apimachinery.quantities import canonical, format_, parse
from apimachinery.quotas import usage
from apimachinery.quotas.resources import Amounts, add
from apiserver.admission.plugin import Document, Reader, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

Finish = Callable[[bool], None]
_QUOTAS = "resourcequotas"
_NEVER_COUNTED = frozenset({"events", "events.events.k8s.io"})
_MOST_REMEMBERED = 20_000


class Quota:
    """``hook`` runs after everything else that could refuse the write. ``now`` gives the time, zone included."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._reserved: dict[tuple[str, str], list[Amounts]] = {}
        self._measured: dict[tuple[str, str, str], Amounts] = {}

    def hook(self, op: Operation, reader: Reader) -> Finish | None:
        """Raises Forbidden for what would exceed a quota of the namespace."""
        resource = op.kind.resource
        if not op.namespace or resource in _NEVER_COUNTED or not _may_change_usage(op, resource):
            return None
        quotas = reader.list(_QUOTAS, op.namespace)
        if not quotas:
            return None
        now = self._now()
        charges: list[tuple[tuple[str, str], Amounts]] = []
        for quota in sorted(quotas, key=lambda q: q["metadata"]["name"]):
            delta = self._delta(op, quota, resource, now)
            if any(amount > 0 for amount in delta.values()):
                self._check(op, quota, delta, reader, now)
                charges.append(((op.namespace, quota["metadata"]["name"]), delta))
        return self._reserve(charges) if charges and not op.dry_run else None

    def _reserve(self, charges: list[tuple[tuple[str, str], Amounts]]) -> Finish:
        for key, delta in charges:
            self._reserved.setdefault(key, []).append(delta)

        def finish(committed: bool) -> None:
            for key, delta in charges:
                held = self._reserved[key]
                held[:] = [d for d in held if d is not delta]
                if not held:
                    del self._reserved[key]

        return finish

    def _delta(self, op: Operation, quota: Document, resource: str, now: datetime) -> Amounts:
        """What the write adds to the resources that the quota limits."""
        spec = quota.get("spec") or {}
        hard = spec.get("hard") or {}
        if not usage.matches_scopes(spec, resource, op.object):
            return {}
        after = usage.of(resource, op.object, now)
        if not any(name in hard for name in after) and resource != "pods":
            return {}
        if resource == "pods":
            why = usage.unspecified(op.object["spec"], hard)
            if why:
                raise refusal(op, f"failed quota: {quota['metadata']['name']}: {why}")
        before: Amounts = {}
        if op.old_object is not None and usage.matches_scopes(spec, resource, op.old_object):
            before = usage.of(resource, op.old_object, now)
        return {
            name: change
            for name, amount in after.items()
            if name in hard and (change := amount - before.get(name, Fraction(0)))
        }

    def _check(self, op: Operation, quota: Document, delta: Amounts, reader: Reader, now: datetime) -> None:
        hard: dict[str, str] = quota["spec"]["hard"]
        used = self._used(quota, set(delta), reader, now)
        over = [name for name in delta if used.get(name, Fraction(0)) + delta[name] > parse(hard[name])]
        if not over:
            return
        zero = Fraction(0)
        raise refusal(
            op,
            f"exceeded quota: {quota['metadata']['name']}, "
            f"requested: {_listed(over, lambda n: format_(delta[n], hard[n]))}, "
            f"used: {_listed(over, lambda n: format_(used.get(n, zero), hard[n]))}, "
            f"limited: {_listed(over, lambda n: canonical(hard[n]))}",
        )

    def _used(self, quota: Document, names: set[str], reader: Reader, now: datetime) -> Amounts:
        namespace, spec = quota["metadata"]["namespace"], quota["spec"]
        total: Amounts = {}
        for resource in {usage.counted_as(name) for name in names}:
            for obj in reader.list(resource, namespace):
                if usage.matches_scopes(spec, resource, obj):
                    add(total, self._measure(resource, obj, now))
        for delta in self._reserved.get((namespace, quota["metadata"]["name"]), ()):
            add(total, delta)
        return total

    def _measure(self, resource: str, obj: Document, now: datetime) -> Amounts:
        """Usage of a stored object, remembered by its revision unless it depends on the time."""
        metadata = obj["metadata"]
        if metadata.get("deletionTimestamp"):
            return usage.of(resource, obj, now)
        key = (resource, metadata["uid"], metadata.get("resourceVersion", ""))
        found = self._measured.get(key)
        if found is None:
            if len(self._measured) >= _MOST_REMEMBERED:
                self._measured.clear()
            found = self._measured[key] = usage.of(resource, obj, now)
        return found


def _may_change_usage(op: Operation, resource: str) -> bool:
    if op.verb == "CREATE":
        return not op.subresource
    if op.verb != "UPDATE" or not usage.counts_more_than_itself(resource):
        return False
    if resource != "pods":
        return not op.subresource
    if op.subresource:
        return op.subresource == "resize"
    deadlines = {(o["spec"].get("activeDeadlineSeconds") is not None) for o in (op.object, op.old_object)}
    return len(deadlines) == 2


def _listed(names: Iterable[str], text: Callable[[str], str]) -> str:
    return ",".join(f"{name}={text(name)}" for name in sorted(names))

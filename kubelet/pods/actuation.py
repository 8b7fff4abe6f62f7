"""Giving new limits to a pod that runs; its own group is never smaller than what is in it. From doPodResizeAction."""

from __future__ import annotations

import dataclasses

from kubelet.pods import documents, resources
from kubelet.pods.documents import Document
from kubelet.pods.record import Record
from kubelet.pods.steps import Resize
from kubelet.runtime.api import LinuxResources, Runtime, RuntimeError_

_LIMITS = ("cpu_quota", "memory_limit")


async def resize(runtime: Runtime, pod: Document, record: Record, step: Resize, *, memory_capacity: int) -> None:
    """Raises RuntimeError_ and OSError; what has been set by then stays set, and the rest is tried again."""
    sandbox = record.sandbox
    assert sandbox is not None
    wanted = {
        id_: resources.of_container(pod, container, memory_capacity=memory_capacity)
        for id_, name in step.containers
        if (container := documents.find_container(pod, name)) is not None and id_ in record.containers
    }
    before, after = sandbox.resources or LinuxResources(), resources.of_pod(pod)
    await _check_memory(runtime, record, wanted, before, after)
    larger = _larger(before, after)
    if larger != before:
        await runtime.update_sandbox_resources(sandbox.id, larger)
    for id_, limits in wanted.items():
        await runtime.update_resources(id_, limits)
    if larger != after:
        await runtime.update_sandbox_resources(sandbox.id, after)
    record.sandbox_resized(sandbox.id, after)


async def _check_memory(
    runtime: Runtime, record: Record, wanted: dict[str, LinuxResources], before: LinuxResources, after: LinuxResources
) -> None:
    """A limit below what is in use would end processes on one kernel and be refused by another."""
    assert record.sandbox is not None
    wrong = []
    if _shrinks(before, after):
        usage = await runtime.memory_usage(record.sandbox.id)
        if usage is not None and usage >= (after.memory_limit or 0):
            wrong.append(f"attempting to set pod memory limit ({after.memory_limit}) below current usage ({usage})")
    for id_, limits in wanted.items():
        status = record.containers[id_]
        if _shrinks(status.resources, limits):
            usage = await runtime.memory_usage(id_)
            if usage is not None and usage >= (limits.memory_limit or 0):
                wrong.append(
                    f'attempting to set container "{status.name}" memory limit ({limits.memory_limit}) below current '
                    f"usage ({usage})"
                )
    if wrong:
        raise RuntimeError_(wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")


def _shrinks(before: LinuxResources, after: LinuxResources) -> bool:
    return bool(after.memory_limit) and (not before.memory_limit or after.memory_limit < before.memory_limit)


def _larger(one: LinuxResources, other: LinuxResources) -> LinuxResources:
    """No limit is larger than any."""
    limits = {}
    for name in _LIMITS:
        values = getattr(one, name), getattr(other, name)
        limits[name] = max(values) if all(values) else None
    shares = max(one.cpu_shares or 0, other.cpu_shares or 0) or None
    return dataclasses.replace(other, cpu_shares=shares, **limits)

"""The runtime handler that a pod's RuntimeClass names. Source: pkg/kubelet/runtimeclass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery import kinds

if TYPE_CHECKING:
    from kubelet.pods.context import Context
    from kubelet.pods.documents import Document

DEFAULT = ("", "runc", "crun")
"""There is one runtime; ``runc`` is how most clusters name theirs, and it does the same."""


class NoHandler(Exception):
    """In the words of containerd, which is asked for handlers elsewhere."""


async def check(context: Context, pod: Document) -> None:
    """Raises NoHandler, StatusError and Unreachable. A pod without a RuntimeClass costs nothing."""
    name = pod["spec"].get("runtimeClassName")
    if not name:
        return
    found = await context.client.get(kinds.named("runtimeclasses.node.k8s.io"), "", name)
    if found["handler"] not in DEFAULT:
        raise NoHandler(f'failed to get sandbox runtime: no runtime for "{found["handler"]}" is configured')

"""The effect ``sweep_namespace``: deletes all that is in a namespace and reports what is left.

Pods go first, and while there are any nothing else is touched (as upstream since v1.33): what a pod needs to end well,
its ServiceAccount or its network policies, stays until then.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import quote

import orjson

from apiclient.client import delete_options
from apiclient.errors import status_error
from apimachinery.errors import MethodNotAllowed, NotFound, StatusError
from apimachinery.kinds.kind import Kind
from controllers.engine.aggregated import discover_all
from controllers.engine.effects import Surroundings
from controllers.namespaces import REPORTS

Document = dict[str, Any]

AT_ONCE = 8


async def sweep_namespace(arguments: dict[str, Any], around: Surroundings) -> None:
    """``namespace``, its ``uid``, and how many ``sweeps`` this makes. Raises Unreachable."""
    name = arguments["namespace"]
    report: Document = {"remaining": {}, "finalizers": {}, "failures": [], "undiscovered": {}}
    await _sweep_kind(around.kinds.named("pods"), name, around, report)
    if not report["remaining"] and not report["failures"]:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(kind: Kind) -> None:
            async with room:
                await _sweep_kind(kind, name, around, report)

        aggregated, report["undiscovered"] = await discover_all(around.client, around.cache, around.kinds)
        deletable = (kind for kind in aggregated if {"list", "delete"} <= set(kind.verbs))
        kinds = {kind.resource: kind for kind in (*deletable, *around.kinds.collectable())}
        wanted = [k for k in kinds.values() if k.namespaced and k.resource not in _SEEN_ELSEWHERE]
        await asyncio.gather(*(one(kind) for kind in wanted))
    at = time.time()
    report |= {"uid": arguments["uid"], "sweeps": arguments["sweeps"], "at": at}
    # A pseudo-object needs a version that grows.
    report["metadata"] = {"name": name, "resourceVersion": str(int(at * 1e6))}
    around.cache.put(REPORTS, report)


_SEEN_ELSEWHERE = frozenset({"pods", "events.events.k8s.io"})
"""events.events.k8s.io are the same objects as events."""


async def _sweep_kind(kind: Kind, namespace: str, around: Surroundings, report: Document) -> None:
    try:
        items = await _list(kind, namespace, around)
        if items:
            await _delete_all(kind, namespace, items, around)
            items = await _list(kind, namespace, around)
    except (NotFound, MethodNotAllowed):
        return
    except StatusError as error:
        report["failures"].append(str(error))
        return
    if items:
        report["remaining"][kind.resource] = len(items)
    for item in items:
        for finalizer in item["metadata"].get("finalizers") or ():
            report["finalizers"][finalizer] = report["finalizers"].get(finalizer, 0) + 1


async def _list(kind: Kind, namespace: str, around: Surroundings) -> list[Document]:
    return (await around.client.list(kind, namespace, metadata_only=True)).get("items") or []


async def _delete_all(kind: Kind, namespace: str, items: list[Document], around: Surroundings) -> None:
    if "deletecollection" not in kind.verbs:
        for item in items:
            await around.client.delete(kind, namespace, item["metadata"]["name"], propagation="Background")
        return
    body = orjson.dumps(delete_options("", "", None, "Background"))
    headers = {"Content-Type": "application/json"}
    path = kind.path(quote(namespace))
    status, answer = await around.client.request("DELETE", path, body=body, headers=headers, timeout_seconds=60)
    if status >= 400:
        raise status_error(status, answer)

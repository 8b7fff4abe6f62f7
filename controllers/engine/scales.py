"""The effect ``look_at_scale``: reads (or first changes) the scale of an autoscaler's target, whatever kind that is."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import orjson

from apiclient.errors import status_error
from apimachinery.errors import StatusError
from controllers.autoscaling import AUTOSCALERS, CUSTOM, EXTERNAL, LOOKS, RESOURCES
from controllers.engine.effects import Surroundings

Document = dict[str, Any]
_MERGE = {"Content-Type": "application/merge-patch+json"}


async def look_at_scale(arguments: dict[str, Any], around: Surroundings) -> None:
    """``namespace``, ``name`` and ``uid`` of the autoscaler, its ``target``, and what it is ``asked`` for, or None.

    Raises Unreachable."""
    note: Document = {"replicas": 0, "selector": "", "failure": "", "refusal": "", "apis": await _apis(around)}
    asked = arguments["asked"]
    if asked is not None:
        try:
            await _scale(arguments, around, {"spec": {"replicas": asked["replicas"]}})
        except StatusError as error:
            note["refusal"] = str(error)
    try:
        scale = await _scale(arguments, around, None)
        note["replicas"] = (scale.get("spec") or {}).get("replicas") or 0
        note["selector"] = (scale.get("status") or {}).get("selector") or ""
    except StatusError as error:
        note["failure"] = str(error)
    for old in around.cache.list(LOOKS):
        if around.cache.get(AUTOSCALERS, old["metadata"]["namespace"], old["metadata"]["name"]) is None:
            around.cache.remove(LOOKS, old)
    at = time.time()
    note |= {"uid": arguments["uid"], "target": arguments["target"], "at": at, "asked": asked}
    # A pseudo-object needs a version that grows.
    meta = {"namespace": arguments["namespace"], "name": arguments["name"], "resourceVersion": str(int(at * 1e6))}
    around.cache.put(LOOKS, {"metadata": meta, **note})


async def _apis(around: Surroundings) -> list[str]:
    """The groups of metrics that are served."""
    status, answer = await around.client.request("GET", "/apis", timeout_seconds=30)
    groups = orjson.loads(answer).get("groups") or () if status == 200 else ()
    return sorted({g["name"] for g in groups} & {RESOURCES, CUSTOM, EXTERNAL})


async def _scale(arguments: dict[str, Any], around: Surroundings, patch: Document | None) -> Document:
    target = arguments["target"]
    kind = around.kinds.of(target.get("apiVersion", ""), target["kind"])
    if kind is None:
        group = target.get("apiVersion", "").rpartition("/")[0]
        raise StatusError(f'no matches for kind "{target["kind"]}" in group "{group}"')
    path = kind.path(quote(arguments["namespace"]), quote(target["name"]), "scale")
    method, body, headers = ("GET", None, None) if patch is None else ("PATCH", orjson.dumps(patch), _MERGE)
    status, answer = await around.client.request(method, path, body=body, headers=headers, timeout_seconds=30)
    if status >= 400:
        raise status_error(status, answer)
    return orjson.loads(answer)  # type: ignore[no-any-return]

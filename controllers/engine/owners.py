"""The effect ``look_up_owner``: asks the API server whether an owner that the cache does not know exists."""

from __future__ import annotations

from typing import Any

from apiclient.reflector import tidy
from apimachinery.errors import NotFound
from controllers.engine.effects import Surroundings
from controllers.garbagecollection.collector import ABSENT


async def look_up_owner(arguments: dict[str, Any], around: Surroundings) -> None:
    """What is found goes into the cache; what is not there, or is another object of that name, is noted as absent."""
    kind = around.kinds.of(arguments["apiVersion"], arguments["kind"])
    if kind is None:
        return
    namespace = arguments["namespace"] if kind.namespaced else ""
    try:
        found = await around.client.get(kind, namespace, arguments["name"])
    except NotFound:
        found = None
    if found is not None:
        tidy(found, kind)
        around.cache.put(kind.resource, found)
    if found is None or found["metadata"].get("uid") != arguments["uid"]:
        meta = {"namespace": arguments["namespace"], "name": arguments["uid"], "resourceVersion": "1"}
        around.cache.put(ABSENT, {"metadata": meta})

"""The effect ``look_up_owner``: asks the API server whether an owner that the cache does not know exists."""

from __future__ import annotations

from typing import Any

from apiclient.reflector import tidy
from apimachinery.errors import NotFound
from controllers.engine.effects import Surroundings


async def look_up_owner(arguments: dict[str, Any], around: Surroundings) -> None:
    """What is found goes into the cache; what is not there, or is another object of that name, counts as gone."""
    kind = around.kinds.of(arguments["apiVersion"], arguments["kind"])
    if kind is None:
        return
    namespace = arguments["namespace"] if kind.namespaced else ""
    if kind.namespaced and not namespace:
        # A cluster-scoped object cannot be owned by a namespaced one.
        around.cache.bury(arguments["uid"])
        return
    try:
        found = await around.client.get(kind, namespace, arguments["name"])
    except NotFound:
        found = None
    if found is None or found["metadata"].get("uid") != arguments["uid"]:
        around.cache.bury(arguments["uid"])
    if found is not None:
        tidy(found, kind)
        around.cache.put(kind.resource, found)

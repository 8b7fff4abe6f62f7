"""The API server as the command sees it: one short conversation under the administrator's certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from apimachinery.errors import StatusError
from knarr import __version__, config, state
from knarr.config import ClusterConfig
from knarr.errors import NotRunning, ProfileNotFound
from knarr.paths import ClusterPaths

T = TypeVar("T")


def cluster(profile: str) -> ClusterConfig:
    """The configuration of a cluster that runs; raises ProfileNotFound or NotRunning."""
    paths = ClusterPaths.of(profile)
    found = config.load(paths)
    if found is None:
        raise ProfileNotFound(f"there is no cluster {profile}", f"knarr start -p {profile}")
    running = state.read_running(paths)
    if running is None or not running.runs("apiserver"):
        raise NotRunning(f"the API server of {profile} is not running", f"knarr start -p {profile}")
    return found


def talk(profile: str, conversation: Callable[[Any], Awaitable[T]]) -> T:
    """Run ``conversation(client)`` with an apiclient.Client and close it."""
    from apiclient.client import Client

    async def whole() -> T:
        path = str(ClusterPaths.of(profile).kubeconfig("admin"))
        client = Client.from_kubeconfig(path, user_agent=f"knarr/{__version__}")
        try:
            return await conversation(client)
        except StatusError as error:
            raise refused(error) from error
        finally:
            await client.close()

    return asyncio.run(whole())


def refused(error: StatusError) -> NotRunning:
    """A refusal of the API server as an error of the command."""
    return NotRunning(f"the API server refused: {error.message}")

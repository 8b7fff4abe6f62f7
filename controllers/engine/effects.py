"""What reconcilers may ask for beside API objects: each effect is one coroutine, found by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apiclient.client import Client
from controllers.engine.cache import Cache
from controllers.engine.kinds import Kinds


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an effect may use. It tells its findings by putting pseudo-objects into the cache."""

    client: Client
    cache: Cache
    kinds: Kinds


Perform = Callable[[dict[str, Any], Surroundings], Awaitable[None]]
Effects = Mapping[str, Perform]

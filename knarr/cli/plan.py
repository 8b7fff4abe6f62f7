"""``knarr start --dry-run``: the cluster as data, before anything is written or started."""

from __future__ import annotations

import sys
from typing import Any

from knarr import provision, settings
from knarr.components import describe as components
from knarr.paths import ClusterPaths


def describe(
    profile: str, *, runtime: str | None, port: int | None, listen: tuple[str, ...], nodes: int | None
) -> dict[str, Any]:
    """Configuration, settings and command lines of every component."""
    paths = ClusterPaths.of(profile)
    config = provision.choose(paths, runtime=runtime, api_port=port, listen=listen, nodes=nodes)
    told = settings.documents(config, paths)
    return {
        "cluster": config.document(),
        "directory": str(paths.root),
        "components": [
            {
                "name": c.name,
                "command": c.command(sys.executable),
                "log": str(c.log),
                "settings": told[c.name],
            }
            for c in components(config, paths)
        ],
    }

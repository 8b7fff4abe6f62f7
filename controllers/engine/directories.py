"""The effects ``make_volume_directory`` and ``remove_volume_directory``: the gateway to volumes' folders."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controllers.engine.effects import Perform, Surroundings


class OutsideOfVolumes(Exception):
    """A path that is not one of this cluster's volumes: nothing is made or removed there."""


def effects(root: str) -> Mapping[str, Perform]:
    """``root`` is the only folder below which anything happens."""
    base = Path(os.path.realpath(root))

    def checked(path: str) -> Path:
        found = Path(os.path.realpath(path))
        if found.parent != base:
            raise OutsideOfVolumes(f"{path} is not directly below {base}")
        return found

    def make(path: str) -> None:
        found = checked(path)
        found.mkdir(parents=True, exist_ok=True)
        # Any user of any container may write, as with upstream's node-local provisioners.
        found.chmod(0o777)

    def remove(path: str) -> None:
        found = checked(path)
        if found.exists():
            shutil.rmtree(found)

    async def make_volume_directory(arguments: dict[str, Any], around: Surroundings) -> None:
        await asyncio.to_thread(make, arguments["path"])

    async def remove_volume_directory(arguments: dict[str, Any], around: Surroundings) -> None:
        await asyncio.to_thread(remove, arguments["path"])

    return {"make_volume_directory": make_volume_directory, "remove_volume_directory": remove_volume_directory}

"""Layers as folders: each unpacked once, by a process of its own, and moved into place when all of it is there."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from kubelet.images import index
from kubelet.images.archives import LayerSource
from kubelet.images.index import Index, StoredLayer
from kubelet.processes import Processes
from kubelet.runtime.api import ImageError

UNPACKERS = 2
"""Processes that unpack at the same time: more would only take the disk from one another."""


class Layers:
    def __init__(self, root: Path, held: Callable[[], Index], processes: Processes, python: str) -> None:
        """``held`` gives the store's index, which every unpacked layer is put into; ``python`` runs the unpacker."""
        self.root, self._index, self._processes, self._python = root, held, processes, python
        self._unpacking: dict[str, asyncio.Future[None]] = {}
        self._unpackers = asyncio.Semaphore(UNPACKERS)

    async def ensure(self, layers: list[LayerSource]) -> None:
        """Those that nobody has unpacked or is unpacking are ours; then wait for the others'."""
        loop = asyncio.get_running_loop()
        ours: dict[str, LayerSource] = {}
        for layer in layers:
            if layer.diff_id not in self._index().layers and layer.diff_id not in self._unpacking:
                ours[layer.diff_id] = layer
                self._unpacking[layer.diff_id] = loop.create_future()
        try:
            if ours:
                await self._unpack(list(ours.values()))
        finally:
            for diff_id in ours:
                self._unpacking.pop(diff_id).set_result(None)
        for layer in layers:
            if (other := self._unpacking.get(layer.diff_id)) is not None:
                await other
            if layer.diff_id not in self._index().layers:
                # Whoever was at it failed; its reason may not be ours.
                await self.ensure([layer])

    async def _unpack(self, layers: list[LayerSource]) -> None:
        async with scratch_folder(self.root) as scratch:
            jobs = []
            for number, layer in enumerate(layers):
                target = scratch / str(number)
                target.mkdir(mode=0o755)
                job = {"path": layer.path, "offset": layer.offset, "size": layer.size, "diff_id": layer.diff_id}
                jobs.append({**job, "digest": layer.digest, "target": str(target)})
            async with self._unpackers:
                done = await self._processes.run(
                    [self._python, "-m", "kubelet.images.unpack"], stdin=orjson.dumps(jobs)
                )
            if done.exit_code:
                raise ImageError(f"failed to extract layer: {done.complaint}")
            for job, layer, size in zip(jobs, layers, orjson.loads(done.stdout), strict=True):
                place = self.root / "layers" / index.folder(layer.diff_id)
                os.rename(job["target"], place)
                self._index().layers[layer.diff_id] = StoredLayer(size)


@asynccontextmanager
async def scratch_folder(root: Path) -> AsyncIterator[Path]:
    """Below the store, so that what is made in it can be renamed into place; gone afterwards with what is left."""
    folder = Path(tempfile.mkdtemp(dir=root / "tmp"))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

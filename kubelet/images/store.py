"""``ImageStore``: pull, load, list, look up, remove and prune images; say which layers an image stands on.

One process owns a store. What a call changes is first made aside, synced, renamed into place, and only then written
into the index; what a crash left beside that is cleared away at the next start.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO

import orjson

from kubelet.images import archives, blobs, credentials, index, references
from kubelet.images.archives import FoundImage
from kubelet.images.index import Index, StoredImage
from kubelet.images.layers import Layers, scratch_folder
from kubelet.images.references import Reference
from kubelet.images.skopeo import Denied, Skopeo
from kubelet.processes import HostProcesses, Processes
from kubelet.runtime.api import Image, ImageError, RegistryCredentials

log = logging.getLogger(__name__)

_CHUNK = 1024 * 1024


class ImageInUse(ImageError):
    reason = "ImageInUse"


class ImageStore:
    def __init__(
        self,
        root: str | os.PathLike[str],
        processes: Processes | None = None,
        *,
        skopeo: str = "/usr/bin/skopeo",
        python: str = sys.executable,
    ) -> None:
        """Nothing is read or made yet."""
        self.root = Path(root)
        self._processes = processes or HostProcesses()
        self._skopeo = Skopeo(self._processes, skopeo)
        self._index = Index()
        self._started = False
        self._pulls: dict[tuple[str, tuple[RegistryCredentials, ...]], asyncio.Task[Image]] = {}
        self._wanted: Counter[str] = Counter()
        self._saving = asyncio.Lock()
        self._layers = Layers(self.root, lambda: self._index, self._processes, python)

    @property
    def layers_root(self) -> str:
        """What the names from ``lower`` are relative to."""
        return str(self.root / "layers")

    async def start(self) -> None:
        """Read the index, clear away what a crash left. Idempotent. Raises ValueError for a broken index."""
        if not self._started:
            await asyncio.to_thread(self._open)
            self._started = True

    def find(self, reference: str) -> Image | None:
        """By id, by name (``busybox``), by tag or by digest. Raises InvalidImageName."""
        found = self._find(reference)
        return found.as_image() if found else None

    def lower(self, image_id: str) -> list[str]:
        """The image's layers below ``layers_root``, topmost first. Raises KeyError."""
        # The kernel refuses a folder that is there twice; the upper one hides the lower anyway.
        layers = dict.fromkeys(reversed(self._index.images[image_id].layers))
        return [index.folder(layer) for layer in layers] or ["empty"]

    async def list(self) -> list[Image]:
        return [i.as_image() for i in self._index.images.values()]

    async def load(self, archive: str | os.PathLike[str] | IO[bytes]) -> list[str]:
        """A docker or OCI archive, compressed or not, from a file or from a stream. What the images in it are called
        now, ids for those without a name. Raises ImageError."""
        async with scratch_folder(self.root) as scratch:
            try:
                path = await asyncio.to_thread(_plain_tar, archive, scratch)
                found = await asyncio.to_thread(lambda: archives.read(archives.Tar(path)))
            except (OSError, EOFError, ValueError, KeyError, TypeError, blobs.Corrupt) as error:
                raise ImageError(f"failed to load the archive: {error}") from error
            stored = await self._install(found)
            await self._save()
        names = [name for image, kept in zip(found, stored, strict=True) for name in image.tags or (kept.id,)]
        return list(dict.fromkeys(names))

    async def pull(self, reference: str, credentials: Sequence[RegistryCredentials] = ()) -> Image:
        """``credentials`` are tried in their order (the caller knows that they are for this registry); without any it
        is as root's own auth file says. Those that ask for the same at the same time share one pull. Raises
        ImageError, InvalidImageName."""
        key = (str(references.parse(reference)), tuple(credentials))
        task = self._pulls.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._pull(reference, key[1]), name=f"pull {key[0]}")
            self._pulls[key] = task
            task.add_done_callback(lambda _: self._pulls.pop(key, None))
        return await asyncio.shield(task)

    async def remove(self, reference: str, *, in_use: Collection[str] = (), force: bool = False) -> None:
        """By name: that name only; the image goes with its last one. By id: all of it. What is gone is fine. Raises
        ImageInUse when the image would go but is in ``in_use``; with ``force`` it then only loses its names."""
        image = self._find(reference)
        if image is None:
            return
        tags, digests = [], []
        if references.image_id(reference) is None:
            name = references.parse(reference)
            tags = [t for t in image.tags if t != str(name)]
            digests = _digests_left(image, name, tags)
        if not tags and not digests:
            if image.id in in_use and not force:
                raise ImageInUse(f'image "{reference}" ({image.id}) is being used by a container')
            if image.id not in in_use:
                del self._index.images[image.id]
        image.tags, image.digests = tags, digests
        await self._save()
        await self._drop_unused_layers()

    async def prune(self, in_use: Collection[str]) -> tuple[list[str], int]:
        """Remove every image whose id isn't in ``in_use``. What was removed (names, or ids), and the bytes freed."""
        before = self.disk_usage()
        gone = [i for i in self._index.images.values() if i.id not in in_use]
        for image in gone:
            del self._index.images[image.id]
        await self._save()
        await self._drop_unused_layers()
        return [(i.tags or i.digests or [i.id])[0] for i in gone], before - self.disk_usage()

    def disk_usage(self) -> int:
        """Bytes of all unpacked files."""
        return sum(layer.size for layer in self._index.layers.values())

    async def _pull(self, text: str, given: tuple[RegistryCredentials, ...]) -> Image:
        reference = references.parse(text)
        async with scratch_folder(self.root) as scratch:
            file, digest = await self._resolve(reference, given, scratch)
            exact = Reference(reference.domain, reference.path, digest=digest)
            tags = (str(reference),) if not reference.digest else ()
            stored = self._index.by_name(str(exact))
            if stored is None:
                # Those that skopeo is shown as being here must still be when the rest has come.
                here = list(self._index.layers)
                self._wanted.update(here)
                try:
                    found = await self._fetch(exact, file, scratch, reference)
                    [stored] = await self._install([dataclasses.replace(found, tags=tags)], digests=(str(exact),))
                finally:
                    self._wanted.subtract(here)
                    await self._drop_unused_layers()
            self._index.name(stored, tags=tags, digests=(str(exact),))
            await self._save()
        return stored.as_image()

    async def _resolve(
        self, reference: Reference, given: tuple[RegistryCredentials, ...], scratch: Path
    ) -> tuple[str | None, str]:
        """(file with the credentials that were let in, digest). Each is tried until one is let in."""
        last: Denied | None = None
        for one in given:
            file = scratch / "auth.json"
            _write_secret(file, credentials.auth_file(reference, one))
            try:
                return str(file), await self._skopeo.resolve(reference, str(file))
            except Denied as error:
                last = error
        if last is not None:
            raise last
        return None, await self._skopeo.resolve(reference, None)

    async def _fetch(self, exact: Reference, auth: str | None, scratch: Path, asked: Reference) -> FoundImage:
        layout, shared = scratch / "layout", scratch / "blobs"
        _show_blobs(shared, [b for layer in self._index.layers.values() for b in layer.blobs.items()])
        await self._skopeo.copy(exact, auth, target=str(layout), blobs=str(shared))
        try:
            return await asyncio.to_thread(lambda: archives.read(archives.Folder(layout, shared))[0])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageError(f'failed to pull and unpack image "{asked}": {error}') from error

    async def _install(self, images: Sequence[FoundImage], *, digests: tuple[str, ...] = ()) -> list[StoredImage]:
        """Layers unpacked, images in the index (not yet saved), all or none. Named in the same moment: an image without
        a name could be pruned."""
        layers = [layer for image in images for layer in image.layers]
        needed = [layer.diff_id for layer in layers]
        self._wanted.update(needed)
        try:
            await self._layers.ensure(layers)
            return [self._register(image, digests) for image in images]
        finally:
            self._wanted.subtract(needed)
            await self._drop_unused_layers()

    def _register(self, found: FoundImage, digests: tuple[str, ...]) -> StoredImage:
        for layer in found.layers:
            if layer.digest:
                self._index.layers[layer.diff_id].blobs[layer.digest] = layer.size
        stored = self._index.images.get(found.id)
        if stored is None:
            size = len(found.config) + sum(layer.size for layer in found.layers)
            layers = [layer.diff_id for layer in found.layers]
            stored = StoredImage(found.id, layers, size, config=orjson.loads(found.config))
            self._index.images[found.id] = stored
        self._index.name(stored, tags=found.tags, digests=digests)
        return stored

    async def _drop_unused_layers(self) -> None:
        doomed = [layer for layer in self._index.unused_layers() if not self._wanted[layer]]
        if not doomed:
            return
        async with scratch_folder(self.root) as scratch:
            for layer in doomed:
                del self._index.layers[layer]
                os.rename(Path(self.layers_root, index.folder(layer)), scratch / index.folder(layer))
            await self._save()

    async def _save(self) -> None:
        async with self._saving:
            await asyncio.to_thread(index.write, self.root, index.encode(self._index))

    def _find(self, reference: str) -> StoredImage | None:
        image_id = references.image_id(reference)
        if image_id is not None:
            return self._index.images.get(image_id)
        return self._index.by_name(str(references.parse(reference)))

    def _open(self) -> None:
        (self.root / "layers" / "empty").mkdir(parents=True, exist_ok=True)
        self._index = index.load(self.root)
        if (self.root / "tmp").exists():
            shutil.rmtree(self.root / "tmp")
        (self.root / "tmp").mkdir(mode=0o700)
        for layer in self._index.unused_layers():
            del self._index.layers[layer]
        known = {index.folder(layer) for layer in self._index.layers} | {"empty"}
        for name in set(os.listdir(self.layers_root)) - known:
            log.info("clearing away layer %s, which no image has", name)
            shutil.rmtree(Path(self.layers_root, name))


def _digests_left(image: StoredImage, removed: Reference, tags: list[str]) -> list[str]:
    """A repository's digests go with its last tag."""
    if removed.digest:
        return [d for d in image.digests if d != str(removed)]
    if any(tag.rpartition(":")[0] == removed.name for tag in tags):
        return image.digests
    return [d for d in image.digests if not d.startswith(removed.name + "@")]


def _plain_tar(archive: str | os.PathLike[str] | IO[bytes], scratch: Path) -> str:
    """Path of the archive as an uncompressed file: itself where it is one."""
    if isinstance(archive, str | os.PathLike):
        path = os.fspath(archive)
    else:
        path = str(scratch / "archive")
        with open(path, "wb") as file:
            shutil.copyfileobj(archive, file, _CHUNK)
    if not blobs.is_compressed(path):
        return path
    plain = scratch / "archive.tar"
    with blobs.opened(path) as blob, open(plain, "wb") as file:
        shutil.copyfileobj(blob, file, _CHUNK)
    return str(plain)


def _show_blobs(folder: Path, known: list[tuple[str, int]]) -> None:
    """skopeo doesn't fetch what it sees: what is unpacked already is there in name and size."""
    (folder / "sha256").mkdir(parents=True)
    for digest, size in known:
        with open(folder / digest.replace(":", "/"), "wb") as file:
            file.truncate(size)


def _write_secret(file: Path, data: bytes) -> None:
    fd = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as out:
        out.write(data)

"""Images that nothing uses go when the disk is nearly full: only such as can be pulled again, the longest unused first.

Source: pkg/kubelet/images/image_gc_manager.go, but that it leaves alone what was loaded by hand and is in no registry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from kubelet.runtime.api import Image, ImageError, Runtime

log = logging.getLogger(__name__)

LEAST_AGE = timedelta(minutes=2)


class ImageCollector:
    """``available`` answers the bytes that the disk of the images has left."""

    def __init__(self, runtime: Runtime, now: Callable[[], datetime], available: Callable[[], int]) -> None:
        self._runtime = runtime
        self._now = now
        self._available = available
        self._since: dict[str, datetime] = {}
        """Since when each image is known and unused."""

    async def look(self) -> None:
        """Remember which images are in use."""
        used, now = self._runtime.images_in_use(), self._now()
        known = {image.id for image in await self._runtime.list_images()}
        self._since = {id_: now if id_ in used else self._since.get(id_, now) for id_ in known}

    async def free(self, wanted: int) -> int:
        """Bytes that became free; it ends when they are ``wanted``."""
        await self.look()
        began = self._available()
        images = {image.id: image for image in await self._runtime.list_images()}
        for image in collectable(images.values(), self._runtime.images_in_use(), self._since, self._now()):
            if self._available() - began >= wanted:
                break
            try:
                log.info("removing image %s, which nothing uses", (*image.repo_tags, image.id)[0])
                await self._runtime.remove_image(image.id)
            except ImageError as error:
                log.info("%s", error)
        return max(0, self._available() - began)


def collectable(images: Iterable[Image], used: set[str], since: dict[str, datetime], now: datetime) -> list[Image]:
    free = [i for i in images if i.id not in used and not i.pinned and i.repo_digests]
    return sorted((i for i in free if now - since.get(i.id, now) >= LEAST_AGE), key=lambda i: since[i.id])

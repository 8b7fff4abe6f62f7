"""The node's images, for ``knarr image``. Upstream's kubelet has no such API; only the API server reaches it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from kubelet.runtime.api import Image, ImageError, RegistryCredentials, Runtime
from kubelet.server.responses import problem

CHUNK = 1024 * 1024


class Images(Protocol):
    async def list(self) -> list[Image]: ...

    async def load(self, archive: str) -> list[str]: ...

    async def pull(self, reference: str, credentials: tuple[RegistryCredentials, ...] = ()) -> Image: ...

    def find(self, reference: str) -> Image | None: ...

    async def remove(self, reference: str, *, in_use: set[str]) -> None: ...

    async def prune(self, in_use: set[str]) -> tuple[list[str], int]: ...


class NoSuchImage(ImageError):
    """Removing what is not there is fine for the kubelet, but not for a person who mistyped its name."""

    reason = "NotFound"


class ImageRoutes:
    """``images`` None: the runtime only simulates them. ``scratch`` is where an archive rests while it is read."""

    def __init__(self, images: Images | None, runtime: Runtime, scratch: Path) -> None:
        self._images = images
        self._runtime = runtime
        self._scratch = scratch

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/images", self._guarded(self._list)),
            web.post("/images/load", self._guarded(self._load)),
            web.post("/images/pull", self._guarded(self._pull)),
            web.post("/images/prune", self._guarded(self._prune)),
            web.delete("/images", self._guarded(self._remove)),
        ]

    def _guarded(self, handler: Any) -> Any:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self._images is None:
                return problem(501, "NotImplemented", f"the {self._runtime.name} runtime has no images")
            try:
                return web.json_response(await handler(request, self._images))
            except ImageError as error:
                return problem(404 if isinstance(error, NoSuchImage) else 400, error.reason, str(error))

        return guarded

    async def _list(self, request: web.Request, images: Images) -> Any:
        return [_document(i) for i in await images.list()]

    async def _load(self, request: web.Request, images: Images) -> Any:
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix="load-", suffix=".tar") as file:
            async for piece in request.content.iter_chunked(CHUNK):
                await asyncio.to_thread(file.write, piece)
            file.flush()
            return await images.load(file.name)

    async def _pull(self, request: web.Request, images: Images) -> Any:
        return _document(await images.pull(_reference(request)))

    async def _remove(self, request: web.Request, images: Images) -> Any:
        reference = _reference(request)
        if images.find(reference) is None:
            raise NoSuchImage(f'no such image: "{reference}"')
        await images.remove(reference, in_use=self._runtime.images_in_use())
        return {}

    async def _prune(self, request: web.Request, images: Images) -> Any:
        removed, freed = await images.prune(self._runtime.images_in_use())
        return {"removed": removed, "freedBytes": freed}


def _reference(request: web.Request) -> str:
    found = request.query.get("reference", "")
    if not found:
        raise ImageError("the query names no reference")
    return found


def _document(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "repoTags": list(image.repo_tags),
        "repoDigests": list(image.repo_digests),
        "size": image.size,
        "pinned": image.pinned,
    }

"""Images for containers: pull policies, back-off, and the words of events and waiting messages.

Source: pkg/kubelet/images/image_manager.go.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from kubelet.events import NORMAL, WARNING, Recorder
from kubelet.pods import documents
from kubelet.pods.credentials import credentials_for
from kubelet.pods.documents import Document
from kubelet.pods.observed import Backoff, next_backoff
from kubelet.runtime.api import Image, ImageError, RegistryCredentials, Runtime

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME = rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*"
_REFERENCE = re.compile(
    rf"{_NAME}(?::[\w][\w.-]{{0,127}})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}})?"
)
ERROR_SHOWN_SECONDS = 2.0
"""How long ErrImagePull stands before it becomes ImagePullBackOff."""


class StartFailure(Exception):
    """A container can't be started now. ``reason`` and ``message`` are what it shows while it waits."""

    def __init__(self, reason: str, message: str, *, retry_seconds: float = 10.0) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.retry_seconds = retry_seconds


class Images:
    """``on_change`` is called after an image was pulled: the node's list of images is another."""

    def __init__(
        self, runtime: Runtime, recorder: Recorder, now: Callable[[], datetime], on_change: Callable[[], None]
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._now = now
        self._on_change = on_change
        self._pulls: dict[tuple[str, tuple[RegistryCredentials, ...]], asyncio.Task[Image]] = {}
        self._backoffs: dict[tuple[str, str], tuple[Backoff, str, str]] = {}

    async def ensure(self, pod: Document, container: Document, secrets: Iterable[Document]) -> Image:
        """The image to run. Raises StartFailure."""
        wanted = container.get("image", "")
        reference = with_default_tag(wanted)
        if reference is None:
            message = f'Failed to apply default image tag "{wanted}": couldn\'t parse image name "{wanted}": '
            message += "invalid reference format"
            self._tell(pod, container, WARNING, "InspectFailed", message)
            raise StartFailure("InvalidImageName", message)
        policy = container.get("imagePullPolicy") or default_policy(wanted)
        if policy != "Always":
            found = await self._look(pod, container, reference)
            if found is not None:
                message = f'Container image "{wanted}" already present on machine and can be accessed by the pod'
                self._tell(pod, container, NORMAL, "Pulled", message)
                return found
            if policy == "Never":
                message = f'Container image "{wanted}" is not present with pull policy of Never'
                self._tell(pod, container, WARNING, "ErrImageNeverPull", message)
                raise StartFailure("ErrImageNeverPull", message)
        return await self._pull(pod, container, reference, credentials_for(reference, secrets))

    def forget(self, uid: str) -> None:
        for key in [k for k in self._backoffs if k[0] == uid]:
            del self._backoffs[key]

    async def _look(self, pod: Document, container: Document, reference: str) -> Image | None:
        try:
            return await self._runtime.image_status(reference)
        except ImageError as error:
            message = f'Failed to inspect image "{reference}": {error}'
            self._tell(pod, container, WARNING, "InspectFailed", message)
            reason = "InvalidImageName" if error.reason == "InvalidImageName" else "ImageInspectError"
            raise StartFailure(reason, message) from error

    async def _pull(
        self, pod: Document, container: Document, reference: str, credentials: tuple[RegistryCredentials, ...]
    ) -> Image:
        key = (documents.uid_of(pod), reference)
        self._check_backoff(pod, container, reference, key)
        self._tell(pod, container, NORMAL, "Pulling", f'Pulling image "{reference}"')
        began = time.monotonic()
        try:
            image, took = await self._shared(reference, credentials)
        except ImageError as error:
            raise self._failed(pod, container, reference, key, error) from error
        waited = time.monotonic() - began
        self._backoffs.pop(key, None)
        self._on_change()
        self._tell(
            pod,
            container,
            NORMAL,
            "Pulled",
            f'Successfully pulled image "{reference}" in {seconds(took)} ({seconds(waited)} including waiting). '
            f"Image size: {image.size} bytes.",
        )
        return image

    async def _shared(self, reference: str, credentials: tuple[RegistryCredentials, ...]) -> tuple[Image, float]:
        """Containers that want the same image at the same time wait for one pull; none of them ends it for others."""
        key = (reference, credentials)
        task = self._pulls.get(key)
        if task is None:
            task = asyncio.create_task(self._runtime.pull_image(reference, credentials), name=f"pull {reference}")
            self._pulls[key] = task
            task.add_done_callback(lambda done: self._pulled(key, done))
        began = time.monotonic()
        image = await asyncio.shield(task)
        return image, time.monotonic() - began

    def _pulled(self, key: tuple[str, tuple[RegistryCredentials, ...]], task: asyncio.Task[Image]) -> None:
        self._pulls.pop(key, None)
        if not task.cancelled():
            # Whoever waited has it; when nobody did any more, nobody is surprised.
            task.exception()

    def _check_backoff(self, pod: Document, container: Document, reference: str, key: tuple[str, str]) -> None:
        known = self._backoffs.get(key)
        now = self._now()
        if known is None or now >= known[0].updated + timedelta(seconds=known[0].seconds):
            return
        backoff, reason, text = known
        message = f'Back-off pulling image "{reference}"'
        self._tell(pod, container, NORMAL, "BackOff", message)
        left = (backoff.updated + timedelta(seconds=backoff.seconds) - now).total_seconds()
        raise StartFailure("ImagePullBackOff", f"{message}: {reason}: {text}", retry_seconds=left)

    def _failed(
        self, pod: Document, container: Document, reference: str, key: tuple[str, str], error: ImageError
    ) -> StartFailure:
        text = str(error)
        self._tell(pod, container, WARNING, "Failed", f'Failed to pull image "{reference}": {text}')
        reason, message = error.reason, text
        if reason == "RegistryUnavailable":
            message = f"image pull failed for {reference} because the registry is unavailable: {text}"
        elif reason == "SignatureValidationFailed":
            message = f"image pull failed for {reference} because the signature validation failed: {text}"
        now = self._now()
        known = self._backoffs.get(key)
        self._backoffs[key] = (next_backoff(known[0] if known else None, now, now), reason, message)
        return StartFailure(reason, message, retry_seconds=ERROR_SHOWN_SECONDS)

    def _tell(self, pod: Document, container: Document, type_: str, reason: str, message: str) -> None:
        # What is a volume's image has no container that the event could point at.
        path = documents.field_path(pod, container["name"]) if "name" in container else ""
        self._recorder.pod(pod, type_, reason, message, field_path=path)


def with_default_tag(image: str) -> str | None:
    """None for what isn't an image reference."""
    if not _REFERENCE.fullmatch(image) or len(image) > 4096:
        return None
    if "@" in image or ":" in image.rpartition("/")[2]:
        return image
    return f"{image}:latest"


def default_policy(image: str) -> str:
    return "Always" if (with_default_tag(image) or "").endswith(":latest") and "@" not in image else "IfNotPresent"


def seconds(value: float) -> str:
    """As Go prints a duration cut to milliseconds: 312ms, 1.2s, 1m3.5s."""
    whole = int(value * 1000)
    if whole < 1000:
        return f"{whole}ms" if whole else "0s"
    minutes, rest = divmod(whole, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{text}" if minutes else text

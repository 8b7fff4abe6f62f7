"""One group version that another server answers: its APIService, whether it can be asked, and what it tells.

A task for each asks for its discovery document after every change of the APIService, its Service or its endpoints, and
every 30 s. The answer says both whether the server is available and which resources it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from apimachinery import timestamps
from apimachinery.errors import NotFound, StatusError
from apimachinery.kinds import named
from apiserver.aggregator import entries, services
from apiserver.aggregator.availability import PASSED, Said, before_asking, failed
from apiserver.aggregator.gateway import Answered, BadBundle, Gateway
from apiserver.bootstrap.seed import SYSTEM
from apiserver.connect.backend import Address, Unreachable
from apiserver.registry.api import WriteOptions
from apiserver.webhooks.services import SERVICE_LABEL, CannotResolve

if TYPE_CHECKING:
    from apiserver.registry.registry import Registry

Document = dict[str, Any]

log = logging.getLogger(__name__)

AGAIN_SECONDS = 30.0
FIRST_RETRY_SECONDS = 0.1
"""After an answer that was none; doubling up to ``AGAIN_SECONDS``."""
ATTEMPTS = 5
"""Endpoints that are asked at once, chosen by chance; one good answer is enough."""


class Remote:
    """``spec`` and ``available`` are as the APIService says. ``told`` is called when ``entry`` has changed."""

    def __init__(self, service: Document, registry: Registry, gateway: Gateway, told: Callable[[], None]) -> None:
        self.name: str = service["metadata"]["name"]
        self.group, self.version = services.group_version(service)
        self._registry = registry
        self._gateway = gateway
        self._told = told
        self._service = service
        self._said: Said | None = None
        self._resources: list[Document] = []
        self.entry = entries.entry(self.version, [], fresh=False)
        self._news = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"APIService {self.name}")

    @property
    def spec(self) -> Document:
        return self._service["spec"]

    @property
    def available(self) -> bool:
        return services.is_available(self._service)

    @property
    def path(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def names(self, namespace: str, name: str) -> bool:
        """Whether it is reached through that Service."""
        reference = self.spec["service"]
        return reference["namespace"] == namespace and reference["name"] == name

    def changed(self, service: Document) -> None:
        """The APIService was written, perhaps by this itself."""
        before, self._service = self._service, service
        if before["spec"] != service["spec"] or services.said(service) != self._said:
            self.look()

    def look(self) -> None:
        """Something has changed that availability depends on."""
        self._news.set()

    @property
    def ended(self) -> bool:
        return self._task.done()

    def close(self) -> None:
        self._task.cancel()

    async def closed(self) -> None:
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            self._news.clear()
            try:
                found = await self._look()
                await self._say(found)
            except Exception:
                # The task's loop top: one group version's trouble must not leave it unwatched.
                log.exception("APIService %s", self.name)
                found = failed("")
            in_vain = found[:2] == failed("")[:2]
            came = await self._news_within(delay if in_vain else AGAIN_SECONDS)
            delay = min(delay * 2, AGAIN_SECONDS) if in_vain and not came else FIRST_RETRY_SECONDS

    async def _news_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._news.wait()
        except TimeoutError:
            return False

    async def _look(self) -> Said:
        reference, reader = self.spec["service"], self._registry.reader
        namespace, name = reference["namespace"], reference["name"]
        slices = [
            each
            for each in reader.list("endpointslices.discovery.k8s.io", namespace)
            if (each["metadata"].get("labels") or {}).get(SERVICE_LABEL) == name
        ]
        found = before_asking(reference, reader.get("services", namespace, name), slices)
        try:
            if found is None:
                found = await self._ask()
        except (CannotResolve, BadBundle) as error:
            found = failed(str(error))
        if found != PASSED:
            self._tell([], fresh=False)
        return found

    async def _ask(self) -> Said:
        """Raises CannotResolve, BadBundle."""
        addresses = {self._gateway.address(self.spec) for _ in range(ATTEMPTS)}
        asking = [asyncio.ensure_future(self._ask_one(address)) for address in addresses]
        why = ""
        try:
            for answer in asyncio.as_completed(asking):
                why = await answer
                if not why:
                    return PASSED
        finally:
            for each in asking:
                each.cancel()
        return failed(why)

    async def _ask_one(self, address: Address) -> str:
        """What is wrong, "" for nothing."""
        url = f"https://{address}{self.path}"
        try:
            answer = await self._gateway.get(address, self.path, accept="application/json")
        except Unreachable as error:
            return f'failing or missing response from {url}: Get "{url}": {error}'
        if not 200 <= answer.status < 300:
            return f"failing or missing response from {url}: bad status from {url}: {answer.status}"
        self._learn(answer)
        return ""

    def _learn(self, answer: Answered) -> None:
        try:
            self._tell(entries.resources_of(orjson.loads(answer.body)), fresh=True)
        except ValueError as error:
            # It answers, and requests go on to it; what it serves stays unknown.
            log.warning("discovery of APIService %s: %s", self.name, error)
            self._tell([], fresh=False)

    def _tell(self, resources: list[Document], *, fresh: bool) -> None:
        entry = entries.entry(self.version, resources, fresh=fresh)
        if entry != self.entry:
            self.entry = entry
            self._told()

    async def _say(self, found: Said) -> None:
        """Write the condition where it is another one."""
        self._said = found
        if services.said(self._service) == found:
            return

        def change(service: Document) -> Document | None:
            if not services.is_remote(service):
                return None
            return services.with_condition(service, found, timestamps.rfc3339(datetime.now(UTC)))

        options = WriteOptions(user=SYSTEM, field_manager="kube-apiserver")
        try:
            await self._registry.modify(named(services.RESOURCE), "", self.name, change, options, subresource="status")
        except NotFound:
            return
        except StatusError as error:
            log.warning("status of APIService %s: %s", self.name, error)
            self._said = None

"""/healthz, /livez and /readyz (k8s.io/apiserver/pkg/server/healthz)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from apiserver.routes.request import Answer, Handler, Request
from apiserver.routes.responses import UnknownPath

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[str]]
"""What is wrong, or an empty text."""
TEXT = b"text/plain; charset=utf-8"
_NOSNIFF = ((b"x-content-type-options", b"nosniff"),)


class Health:
    """``checks`` by endpoint (healthz, livez, readyz), each by name in the order in which they are told."""

    def __init__(self, checks: Mapping[str, Mapping[str, Check]]) -> None:
        self._checks = checks

    def all(self, endpoint: str) -> Handler:
        async def answer(request: Request) -> Answer:
            return await self._all(endpoint, request)

        return answer

    def one(self, endpoint: str) -> Handler:
        """``/readyz/etcd``: only one check."""

        async def answer(request: Request) -> Answer:
            check = self._checks[endpoint].get(request.scope["path"].split("/", 2)[2])
            if check is None:
                raise UnknownPath
            wrong = await check()
            if wrong:
                return Answer(f"internal server error: {wrong}\n".encode(), 500, TEXT, _NOSNIFF)
            return Answer(b"ok", 200, TEXT, _NOSNIFF)

        return answer

    async def _all(self, endpoint: str, request: Request) -> Answer:
        excluded, lines, failed = set(request.query.all("exclude")), [], []
        checks = self._checks[endpoint]
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
                continue
            wrong = await check()
            if wrong:
                failed.append(f"{name}: {wrong}")
                lines.append(f"[-]{name} failed: reason withheld")
            else:
                lines.append(f"[+]{name} ok")
        if unknown := sorted(excluded - checks.keys()):
            quoted = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}")
        if failed:
            log.warning("%s check failed: %s", endpoint, "; ".join(failed))
            return Answer("\n".join([*lines, f"{endpoint} check failed\n"]).encode(), 500, TEXT, _NOSNIFF)
        if "verbose" not in request.query:
            return Answer(b"ok", 200, TEXT, _NOSNIFF)
        return Answer("\n".join([*lines, f"{endpoint} check passed\n"]).encode(), 200, TEXT, _NOSNIFF)

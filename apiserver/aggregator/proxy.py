"""Requests for group versions that another server answers. Source: kube-aggregator's handler_proxy.go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from apiserver.aggregator.gateway import BadBundle, speaking_for
from apiserver.connect import proxying
from apiserver.routes.request import Answer, Request
from apiserver.webhooks.services import CannotResolve

if TYPE_CHECKING:
    from apiserver.aggregator.gateway import Gateway
    from apiserver.aggregator.remote import Remote

log = logging.getLogger(__name__)

_PATH = "/$&+,:;=@~"
"""What Go leaves as it is in a path."""


async def pass_on(request: Request, remote: Remote, gateway: Gateway) -> Answer | None:
    """The request as the user's, streamed both ways; an upgrade is spliced. Raises ServiceUnavailable."""
    if not remote.available:
        return _plain(503, "service unavailable")
    try:
        address = gateway.address(remote.spec)
    except CannotResolve as error:
        log.warning("resolving the service of %s: %s", remote.name, error)
        return _plain(503, "service unavailable")
    except BadBundle as error:
        return _plain(500, str(error))
    request.scope["headers"] = speaking_for(request.user, request.scope["headers"])
    path = target(request)
    if proxying.upgrade_of(request) is not None:
        await proxying.upgrade(request, address, path, redirects=False)
    else:
        await proxying.exchange(request, address, path, redirects=False)
    return None


def target(request: Request) -> str:
    """Path and query. The path is written anew: what was authorized is what is asked for, however it was escaped."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"], safe=_PATH) + (f"?{query}" if query else "")


def _plain(code: int, text: str) -> Answer:
    nosniff = (b"x-content-type-options", b"nosniff")
    return Answer(f"{text}\n".encode(), code, b"text/plain; charset=utf-8", (nosniff,))

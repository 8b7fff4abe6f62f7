"""Everything that is no resource: health, version, metrics, discovery, OpenAPI, the token keys, the index."""

from __future__ import annotations

import platform
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.routing import Route

from apimachinery.version import GIT_VERSION, MAJOR, MINOR
from apiserver.routes.dispatch import guarded, request_of
from apiserver.routes.request import Answer, Handler, Receive, Request, Scope, Send
from apiserver.routes.responses import document, send

if TYPE_CHECKING:
    from apiserver.aggregator.catalog import Catalog
    from apiserver.auth.tokens import ServiceAccountTokens
    from apiserver.routes.discovery import Discovery
    from apiserver.routes.health import Health
    from apiserver.routes.metrics import Metrics
    from apiserver.routes.openapi import OpenApi

PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"
_ENDPOINTS = ("healthz", "livez", "readyz")


class Endpoint:
    """A handler as the ASGI application that a Starlette route wants."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        request = request_of(scope)
        answer = await guarded(request, self._handler)
        if answer is not None:
            await send(request, answer)


def routes(
    *,
    health: Health,
    metrics: Metrics,
    discovery: Discovery,
    openapi: OpenApi,
    catalog: Catalog,
    tokens: ServiceAccountTokens,
    jwks_uri: str,
) -> list[Route]:
    """In order of matching; a path and its handler each."""
    table: list[tuple[str, Callable[[Request], Awaitable[Answer | None]]]] = [
        ("/", index(catalog)),
        ("/api", discovery.core),
        ("/api/{version}", discovery.resources),
        ("/apis", discovery.groups),
        ("/apis/{group}", discovery.group),
        ("/apis/{group}/{version}", discovery.resources),
        ("/version", version),
        ("/metrics", lambda request: _metrics(metrics)),
        ("/openapi/v2", openapi.v2),
        ("/openapi/v3", openapi.v3_index),
        ("/openapi/v3/{path:path}", openapi.v3),
        ("/.well-known/openid-configuration", openid_configuration(tokens, jwks_uri)),
        ("/openid/v1/jwks", jwks(tokens)),
    ]
    for name in _ENDPOINTS:
        table += [(f"/{name}", health.all(name)), (f"/{name}/{{check:path}}", health.one(name))]
    # go-restful serves discovery and the version under a path that ends in a slash too.
    table += [(f"{path}/", handler) for path, handler in table if path.startswith(("/api", "/version"))]
    return [Route(path, Endpoint(handler), methods=["GET"]) for path, handler in table]


async def version(request: Request) -> Answer:
    """version.Info; what upstream says of Go is said of Python here."""
    return document(
        request,
        {
            "major": MAJOR,
            "minor": MINOR,
            "emulationMajor": MAJOR,
            "emulationMinor": MINOR,
            "minCompatibilityMajor": MAJOR,
            "minCompatibilityMinor": str(int(MINOR) - 1),
            "gitVersion": GIT_VERSION,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": f"{sys.implementation.name}{platform.python_version()}",
            "compiler": sys.implementation.name,
            "platform": f"linux/{_architecture()}",
        },
    )


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


async def _metrics(metrics: Metrics) -> Answer:
    return Answer(metrics.text(), content_type=PROMETHEUS)


def index(catalog: Catalog) -> Handler:
    async def answer(request: Request) -> Answer:
        paths = {"/.well-known/openid-configuration", "/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3",
                 "/openid/v1/jwks", "/version", *(f"/{name}" for name in _ENDPOINTS)}  # fmt: skip
        for group, versions in catalog.groups().items():
            base = f"/apis/{group}" if group else "/api"
            paths |= {base, *(f"{base}/{v}" for v in versions)}
        return document(request, {"paths": sorted(paths)})

    return answer


def openid_configuration(tokens: ServiceAccountTokens, jwks_uri: str) -> Handler:
    async def answer(request: Request) -> Answer:
        return document(
            request,
            {
                "issuer": tokens.issuer,
                "jwks_uri": jwks_uri,
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [key["alg"] for key in tokens.key_set()["keys"]],
            },
        )

    return answer


def jwks(tokens: ServiceAccountTokens) -> Handler:
    async def answer(request: Request) -> Answer:
        found = document(request, tokens.key_set())
        found.content_type = b"application/jwk-set+json"
        return found

    return answer

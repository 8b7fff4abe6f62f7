"""The application: a FastAPI app of everything that is no resource, behind the dispatcher that serves the kinds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute

from apimachinery.errors import StatusError
from apiserver.routes.dispatch import request_of
from apiserver.routes.responses import UnknownMethod, UnknownPath, failure


def create_app(routes: Iterable[BaseRoute]) -> FastAPI:
    """Without FastAPI's own documents: /openapi is Kubernetes', and every error is a Status."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _http_error},
    )
    app.router.routes = list(routes)
    return app


async def _http_error(request: Any, error: Any) -> Response:
    """What Starlette says of a path or a method that no route has."""
    return _status(request, UnknownMethod() if error.status_code == 405 else UnknownPath())


def _status(request: Any, error: StatusError) -> Response:
    ours = request_of(request.scope)
    answer = failure(ours, error)
    ours.code = answer.code
    return Response(answer.body, answer.code, media_type=answer.content_type.decode())

"""Errors as metav1.Status: the API server passes them on to the client."""

from __future__ import annotations

from typing import Any

from aiohttp import web


def problem(code: int, reason: str, message: str) -> web.Response:
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return web.json_response(status, status=code)

"""One request for a virtual resource, as its handler receives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apimachinery.kinds.kind import Document, Kind
    from apiserver.auth.authorization import Authorizer
    from apiserver.auth.rbac import Rbac
    from apiserver.auth.tokens import ServiceAccountTokens
    from apiserver.registry.api import Registry, WriteOptions


class Settings(Protocol):
    """What handlers need to know of the server's settings."""

    @property
    def service_account_issuer(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers use beside the registry; made once when the server starts."""

    authorizer: Authorizer
    rbac: Rbac
    tokens: ServiceAccountTokens
    settings: Settings


@dataclass(slots=True)
class Call:
    """``verb`` is the API's (create, get, list, update, patch, delete); the user is ``options.user``, authorized.

    ``body`` is the parsed document of a create, update or delete, the patch as it came (bytes, with its
    ``content_type`` without parameters) of a patch, None otherwise. It belongs to the handler.
    """

    kind: Kind
    subresource: str
    verb: str
    namespace: str
    name: str
    body: Document | bytes | None
    options: WriteOptions
    query: Mapping[str, str]
    registry: Registry
    services: Services
    content_type: str = ""


Handler = Callable[[Call], Awaitable[tuple[int, "Document"]]]
"""Returns (HTTP code, body); raises StatusError."""

"""Calls of virtual resources against an in-memory registry."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from apimachinery.kinds import named
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.context import UserInfo
from apiserver.registry.api import WriteOptions
from apiserver.virtual import ALL, Call, Services
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
ISSUER = "https://issuer"


async def call(
    resource: str,
    body: Any = None,
    *,
    subresource: str = "",
    verb: str = "create",
    namespace: str = "",
    name: str = "",
    user: UserInfo | None = None,
    registry: MemoryRegistry | None = None,
    rbac: Rbac | None = None,
    tokens: Any = None,
    content_type: str = "",
    dry_run: bool = False,
) -> tuple[int, Document]:
    rbac = rbac or Rbac()
    services = Services(Authorizer(rbac), rbac, tokens, SimpleNamespace(service_account_issuer=ISSUER))
    request = Call(
        named(resource),
        subresource,
        verb,
        namespace,
        name,
        body,
        WriteOptions(user or UserInfo("ann", groups=("devs", "system:authenticated")), dry_run=dry_run),
        {},
        registry or MemoryRegistry(),  # type: ignore[arg-type]
        services,
        content_type,
    )
    return await ALL[resource, subresource](request)

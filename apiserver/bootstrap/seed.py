"""Writes what a cluster holds before anybody has created anything, and keeps the defaults true on every start.

What is there already and right costs no write. Default RBAC objects gain what they miss but lose nothing that somebody
added, unless their annotation says to leave them alone (plugin/pkg/auth/authorizer/rbac/bootstrappolicy and
pkg/registry/rbac/reconciliation). All of it goes through the registry, so defaults and validation are the usual ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from apimachinery.errors import AlreadyExists, NotFound
from apimachinery.kinds import by_kind, named
from apiserver.aggregator import services
from apiserver.bootstrap import flowcontrol, objects, policy, reconciliation
from apiserver.context import UserInfo
from apiserver.registry.api import ListOptions, WriteOptions

if TYPE_CHECKING:
    from datetime import datetime

    from apimachinery.kinds.kind import Kind
    from apiserver.registry.api import Registry

Document = dict[str, Any]
Mend = Callable[[Document, Document], Document | None]
"""(found, wanted) -> the object as it should be, or None where it is right."""

SYSTEM = UserInfo("system:apiserver", "", ("system:masters", "system:authenticated"), {})


class Settings(Protocol):
    @property
    def service_cidr(self) -> str: ...
    @property
    def advertise_address(self) -> str: ...
    @property
    def advertise_port(self) -> int: ...
    @property
    def client_ca(self) -> str: ...
    @property
    def front_proxy_ca(self) -> str: ...


async def seed(registry: Registry, settings: Settings, now: datetime) -> None:
    """Idempotent; two servers may do it at the same time. ``now`` dates the conditions that it sets."""
    fresh = not _exists(registry, "v1", "Namespace", "", "kube-system")
    await _ensure_all(registry, ((obj, _leave) for obj in objects.namespaces()))
    wanted = list(_wanted(settings))
    if fresh:
        # Later on they are the user's: a class that was deleted stays away.
        wanted.append((objects.storage_class(), _leave))
        wanted.append((objects.dns_service(service_cidr=settings.service_cidr), _leave))
    await _ensure_all(registry, wanted)
    await _forget_api_services(registry)
    await _ready_cidr(registry, now)


async def seed_api_service(registry: Registry, settings: Settings) -> None:
    """Idempotent, as ``seed``."""
    await _ensure_all(registry, _api_service(settings))


def _wanted(settings: Settings) -> Iterable[tuple[Document, Mend]]:
    for obj in policy.objects():
        yield obj, _RBAC[obj["kind"]]
    for obj in flowcontrol.objects():
        yield obj, reconciliation.flow_control
    for obj in objects.priority_classes():
        yield obj, _leave
    yield objects.service_cidr(settings.service_cidr), _leave
    for obj in services.built_in():
        yield obj, services.mended
    client_ca, front_proxy_ca = (Path(file).read_text() for file in (settings.client_ca, settings.front_proxy_ca))
    yield objects.authentication_config(client_ca, front_proxy_ca), reconciliation.fields("data")
    yield from _api_service(settings)


def _api_service(settings: Settings) -> Iterable[tuple[Document, Mend]]:
    """The ``kubernetes`` Service, by which pods find this server, with its endpoints."""
    port = settings.advertise_port
    service = objects.kubernetes_service(service_cidr=settings.service_cidr, target_port=port)
    yield service, reconciliation.api_service
    endpoints, endpoint_slice = objects.kubernetes_endpoints(address=settings.advertise_address, port=port)
    yield endpoints, reconciliation.fields("subsets")
    yield endpoint_slice, reconciliation.fields("endpoints", "ports")


async def _forget_api_services(registry: Registry) -> None:
    """Those of group versions that another version of this program served."""
    kind = named(services.RESOURCE)
    wanted = {obj["metadata"]["name"] for obj in services.built_in()}
    for entry in (await registry.list(kind, "", ListOptions())).entries:
        name = entry.object["metadata"]["name"]
        if services.managed(entry.object) == services.ON_START and name not in wanted:
            try:
                await registry.delete(kind, "", name, {}, _options())
            except NotFound:
                continue


def _leave(found: Document, wanted: Document) -> Document | None:
    return None


_RBAC: dict[str, Mend] = {
    "ClusterRole": reconciliation.role,
    "Role": reconciliation.role,
    "ClusterRoleBinding": reconciliation.binding,
    "RoleBinding": reconciliation.binding,
}


async def _ensure_all(registry: Registry, wanted: Iterable[tuple[Document, Mend]]) -> None:
    """At once, so that the writes share one commit."""
    tasks = [task for obj, mend in wanted if (task := _task(registry, obj, mend)) is not None]
    if tasks:
        await asyncio.gather(*tasks)


def _task(registry: Registry, wanted: Document, mend: Mend) -> Any:
    """What is to do for one object; None where it is as it should be."""
    kind, namespace, name = _address(wanted)
    try:
        found = registry.get(kind, namespace, name).object
    except NotFound:
        return _create(registry, kind, namespace, wanted)
    if reconciliation.must_be_recreated(found, wanted):
        return _recreate(registry, kind, namespace, wanted)
    return None if mend(found, wanted) is None else _mend(registry, kind, namespace, wanted, mend)


async def _create(registry: Registry, kind: Kind, namespace: str, wanted: Document) -> None:
    try:
        await registry.create(kind, namespace, wanted, _options())
    except AlreadyExists:
        # Another server was quicker; what it wrote is the same.
        return


async def _recreate(registry: Registry, kind: Kind, namespace: str, wanted: Document) -> None:
    try:
        await registry.delete(kind, namespace, wanted["metadata"]["name"], {}, _options())
    except NotFound:
        pass
    await _create(registry, kind, namespace, wanted)


async def _mend(registry: Registry, kind: Kind, namespace: str, wanted: Document, mend: Mend) -> None:
    name = wanted["metadata"]["name"]
    await registry.modify(kind, namespace, name, lambda found: mend(found, wanted), _options())


async def _ready_cidr(registry: Registry, now: datetime) -> None:
    kind = _kind("networking.k8s.io/v1", "ServiceCIDR")
    if (registry.get(kind, "", "kubernetes").object.get("status") or {}).get("conditions"):
        return

    def change(cidr: Document) -> Document:
        cidr["status"] = {"conditions": [objects.cidr_ready(now)]}
        return cidr

    await registry.modify(kind, "", "kubernetes", change, _options(), subresource="status")


def _options() -> WriteOptions:
    return WriteOptions(user=SYSTEM, field_manager="kube-apiserver", field_validation="Ignore")


def _kind(api_version: str, name: str) -> Kind:
    group, _, version = api_version.rpartition("/")
    kind = by_kind(group, version, name)
    assert kind is not None, f"{api_version} {name} is not in the kind table"
    return kind


def _address(obj: Document) -> tuple[Kind, str, str]:
    metadata = obj["metadata"]
    return _kind(obj["apiVersion"], obj["kind"]), metadata.get("namespace", ""), metadata["name"]


def _exists(registry: Registry, api_version: str, kind: str, namespace: str, name: str) -> bool:
    try:
        registry.get(_kind(api_version, kind), namespace, name)
    except NotFound:
        return False
    return True

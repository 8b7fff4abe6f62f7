"""Puts the server together: store, authorization, admission, registry, routes. The one place that knows all of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apiserver.admission import chain
from apiserver.admission.dynamic.plugin import DynamicAdmission
from apiserver.admission.dynamic.status import PolicyStatus
from apiserver.admission.quota import Quota
from apiserver.aggregator.aggregator import Aggregator
from apiserver.aggregator.catalog import Catalog
from apiserver.aggregator.registration import Registration
from apiserver.allocation import hooks as allocation_hooks
from apiserver.auth.authentication import Authenticator
from apiserver.auth.authorization import Authorizer
from apiserver.auth.nodes import NodeAuthorizer
from apiserver.auth.rbac import Rbac
from apiserver.auth.rules import compile_rules
from apiserver.auth.tokens import ServiceAccountTokens
from apiserver.bootstrap import policy
from apiserver.bootstrap.aggregation import ClusterRoleAggregation
from apiserver.bootstrap.keeping import ApiServiceKeeper
from apiserver.bootstrap.seed import seed
from apiserver.connect.connections import Connections
from apiserver.connect.kubelets import KubeletTls
from apiserver.customresources.kind import definition_kind
from apiserver.customresources.observer import CustomResources
from apiserver.kindtable import KindTable
from apiserver.registry.hooks import EVERY
from apiserver.registry.places import StoreReader
from apiserver.registry.registry import Registry
from apiserver.routes.discovery import Discovery
from apiserver.routes.dispatch import Dispatcher
from apiserver.routes.health import Health
from apiserver.routes.metrics import Metrics
from apiserver.routes.openapi import OpenApi
from apiserver.routes.resources import Resources
from apiserver.routes.virtuals import VirtualResources
from apiserver.routes.watches import Watches
from apiserver.storage.store import Store
from apiserver.virtual.call import Services
from apiserver.webhooks.client import WebhookClient
from apiserver.webhooks.services import service_resolver

if TYPE_CHECKING:
    from apiserver.settings import Settings
    from apiserver.storage.entry import Entry

log = logging.getLogger(__name__)

_RBAC = frozenset(
    f"{plural}.rbac.authorization.k8s.io" for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
)

_PING_SECONDS = 2.0


@dataclass(slots=True)
class Assembly:
    """``app`` is what uvicorn runs. ``begin_stopping`` is for the signal, ``close`` for when nothing runs any more."""

    app: Dispatcher
    store: Store
    registry: Registry
    kinds: KindTable
    watches: Watches
    aggregation: ClusterRoleAggregation | None = None
    keeper: ApiServiceKeeper | None = None
    customs: CustomResources | None = None
    webhooks: WebhookClient | None = None
    policies: PolicyStatus | None = None
    registration: Registration | None = None
    aggregator: Aggregator | None = None
    stopping: bool = False

    def begin_stopping(self) -> None:
        self.stopping = True
        self.watches.stop()

    async def close(self) -> None:
        if self.keeper is not None:
            await self.keeper.close()
        if self.aggregation is not None:
            await self.aggregation.close()
        if self.policies is not None:
            await self.policies.close()
        if self.registration is not None:
            await self.registration.close()
        if self.aggregator is not None:
            await self.aggregator.close()
        if self.customs is not None:
            await self.customs.close()
        if self.webhooks is not None:
            await self.webhooks.close()
        await self.registry.stop()
        await self.store.close()


async def assemble(settings: Settings) -> Assembly:
    """A server that is ready to serve. Raises what the store raises."""
    store = Store.open(settings.database)
    # SQLite waits for the disk, so FastAPI is imported meanwhile.
    _, create_app = await asyncio.gather(store.start(), asyncio.to_thread(_import_app))
    reader, rbac = StoreReader(store), Rbac()
    store.announce(lambda event, resource, entry, previous: _index(rbac, event, resource, entry))
    nodes = NodeAuthorizer(reader.get, reader.list, compile_rules(policy.node_rules()))
    authorizer = Authorizer(rbac, nodes)
    tokens = ServiceAccountTokens(
        issuer=settings.service_account_issuer,
        private_key=settings.service_account_key,
        public_key=settings.service_account_public_key,
        get=reader.get,
    )
    resolve = service_resolver(reader)
    kinds, webhooks = KindTable(), WebhookClient(resolve)
    dynamic = DynamicAdmission(kinds, authorizer, webhooks)
    registry = Registry(
        store,
        admission=chain.Admission(reader, (*chain.plugins(authorizer), *dynamic.plugins)),
        hooks={
            **allocation_hooks(service_cidr=settings.service_cidr, node_port_range=settings.node_port_range),
            EVERY: (Quota(_now).hook,),
        },
        now=_now,
    )
    registry.start()
    await seed(registry, settings, _now())
    keeper = ApiServiceKeeper(registry, settings)
    registry.observe(keeper.observe)
    aggregation = ClusterRoleAggregation(registry)
    registry.observe(aggregation.observe)
    # Not before: the server's own objects are no webhook's to judge while it starts.
    registry.observe(dynamic.observe)
    aggregator = Aggregator(registry, resolve, certificate=settings.front_proxy_cert, key=settings.front_proxy_key)
    assembly = _with_routes(settings, store, registry, kinds, aggregator, rbac, authorizer, tokens, create_app)
    assembly.aggregation = aggregation
    assembly.keeper = keeper
    assembly.webhooks = webhooks
    assembly.customs = CustomResources(registry, assembly.kinds, assembly.watches, assembly.webhooks)
    registry.observe(assembly.customs.observe)
    assembly.policies = PolicyStatus(registry, kinds.all, lambda: dynamic.expressions)
    registry.observe(assembly.policies.observe)
    assembly.registration, assembly.aggregator = Registration(registry), aggregator
    registry.observe(assembly.registration.observe)
    registry.observe(aggregator.observe)
    return assembly


def _with_routes(
    settings: Settings,
    store: Store,
    registry: Registry,
    kinds: KindTable,
    aggregator: Aggregator,
    rbac: Rbac,
    authorizer: Authorizer,
    tokens: ServiceAccountTokens,
    create_app: Any,
) -> Assembly:
    from apiserver.routes import system

    metrics, watches = Metrics(), Watches(registry)
    kinds.put(definition_kind())
    address = f"{settings.advertise_address}:{settings.advertise_port}"
    kubelets = KubeletTls(
        certificate=settings.kubelet_client_cert, key=settings.kubelet_client_key, ca=settings.kubelet_ca
    )

    async def shutting_down() -> str:
        return "process is shutting down" if assembly.stopping else ""

    lives = {"ping": _fine, "etcd": lambda: _store_problem(store)}
    health = Health({"healthz": lives, "livez": lives, "readyz": {**lives, "shutdown": shutting_down}})
    catalog = Catalog(kinds, aggregator)
    routes = system.routes(
        health=health,
        metrics=metrics,
        discovery=Discovery(catalog, address),
        openapi=OpenApi(kinds, aggregator),
        catalog=catalog,
        tokens=tokens,
        jwks_uri=f"https://{address}/openid/v1/jwks",
    )
    app = Dispatcher(
        kinds=kinds,
        authenticator=Authenticator(tokens, authorizer),
        authorizer=authorizer,
        resources=Resources(registry, authorizer),
        virtual=VirtualResources(registry, Services(authorizer, rbac, tokens, settings)),
        watches=watches,
        connections=Connections(registry, authorizer, kubelets),
        aggregator=aggregator,
        metrics=metrics,
        other=create_app(routes),
    )
    assembly = Assembly(app, store, registry, kinds, watches)
    metrics.gauges |= {
        "apiserver_longrunning_requests": (
            "Watches that are open.",
            "gauge",
            lambda: [("", {"verb": "WATCH"}, watches.open)],
        ),
        "aggregator_unavailable_apiservice": (
            "APIServices of other servers, 1 where they are not available.",
            "gauge",
            lambda: [("", {"name": name}, value) for name, value in aggregator.unavailable()],
        ),
        "apiserver_storage_revision": ("Newest revision.", "gauge", lambda: [("", {}, store.revision)]),
        "apiserver_resource_objects": ("Stored objects.", "gauge", lambda: _objects(store)),
    }
    return assembly


def _objects(store: Store) -> list[tuple[str, dict[str, Any], float]]:
    return [("", {"resource": name}, count) for name, count in sorted(store.counts().items())]


def _import_app() -> Any:
    from apiserver.app import create_app

    return create_app


def _index(rbac: Rbac, event: str, resource: str, entry: Entry) -> None:
    if resource in _RBAC:
        if event == "DELETED":
            rbac.drop(entry.object)
        else:
            rbac.put(entry.object)


async def _fine() -> str:
    return ""


async def _store_problem(store: Store) -> str:
    """Upstream's name for this check is etcd's; clients and probes know it by that."""
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await store.ping()
    except TimeoutError:
        return f"the database did not answer within {_PING_SECONDS:.0f} s"
    except Exception as error:
        log.exception("the database fails")
        return f"the database fails: {error}"
    return ""


def _now() -> datetime:
    return datetime.now(UTC)

"""Where the Service of a webhook is: a ready endpoint of it, or the name that an ExternalName stands for."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apimachinery.errors import ServiceUnavailable
from apiserver.connect.locations import service_endpoints, service_port_name

if TYPE_CHECKING:
    from apiserver.registry.places import StoreReader

Resolve = Callable[[str, str, int], tuple[str, int]]
"""``resolve(namespace, name, port)``: an (address, port), the address perhaps a name. Raises CannotResolve."""

SERVICE_LABEL = "kubernetes.io/service-name"


class CannotResolve(Exception):
    """There is no such service, port or endpoint."""


def service_resolver(reader: StoreReader) -> Resolve:
    """Looks into the store's memory; of several endpoints one by chance, as upstream."""

    def resolve(namespace: str, name: str, port: int) -> tuple[str, int]:
        service = reader.get("services", namespace, name)
        if service is None:
            raise CannotResolve(f'service "{name}" not found')
        if service["spec"].get("type") == "ExternalName":
            return service["spec"]["externalName"], port
        try:
            port_name = service_port_name(service, str(port))
        except ServiceUnavailable as error:
            raise CannotResolve(str(error)) from error
        slices = [
            each
            for each in reader.list("endpointslices.discovery.k8s.io", namespace)
            if (each["metadata"].get("labels") or {}).get(SERVICE_LABEL) == name
        ]
        found = service_endpoints(slices, port_name)
        if not found:
            raise CannotResolve(f'no endpoints available for service "{name}"')
        return random.choice(found)

    return resolve


def resolver(resolve: Resolve) -> Any:
    """An aiohttp resolver that knows NAME.NAMESPACE.svc and asks the system about any other name."""
    from aiohttp import ThreadedResolver
    from aiohttp.abc import AbstractResolver

    system = ThreadedResolver()

    class _Resolver(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
            parts = host.split(".")
            if len(parts) != 3 or parts[2] != "svc":
                return await system.resolve(host, port, family)
            address, number = resolve(parts[1], parts[0], port)
            found = await system.resolve(address, number, family)
            return [{**each, "hostname": host} for each in found]

        async def close(self) -> None:
            await system.close()

    return _Resolver()

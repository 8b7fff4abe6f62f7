"""Whether another server can be asked: what can be said without asking it. Pure.

Reasons and wording: kube-aggregator's pkg/controllers/status/remote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]
Said = tuple[str, str, str]
"""(status, reason, message) of the condition Available."""

PASSED: Said = ("True", "Passed", "all checks passed")


def failed(message: str) -> Said:
    return "False", "FailedDiscoveryCheck", message


def before_asking(reference: Document, service: Document | None, slices: Iterable[Document]) -> Said | None:
    """What is wrong with the Service that ``reference`` names, None where its endpoints are worth asking."""
    name, namespace = reference["name"], reference["namespace"]
    what = f'service/{name} in "{namespace}"'
    if service is None:
        return "False", "ServiceNotFound", f"{what} is not present"
    if (service["spec"].get("type") or "ClusterIP") != "ClusterIP":
        return None
    number = reference.get("port") or 443
    port = next((p for p in service["spec"].get("ports") or () if p["port"] == number), None)
    if port is None:
        return "False", "ServicePortError", f"{what} is not listening on port {number}"
    found = list(slices)
    if not found:
        return "False", "EndpointsNotFound", f"cannot find endpointslices for {what}"
    port_name = port.get("name") or ""
    if not any(_has_endpoint(each, port_name) for each in found):
        message = f'endpointslices for {what} have no addresses with port name "{port_name}"'
        return "False", "MissingEndpoints", message
    return None


def _has_endpoint(endpoint_slice: Document, port_name: str) -> bool:
    endpoints = endpoint_slice.get("endpoints") or ()
    if not any((each.get("conditions") or {}).get("ready") is not False for each in endpoints):
        return False
    return any((p.get("name") or "") == port_name and p.get("port") for p in endpoint_slice.get("ports") or ())

"""Where a Service answers from the host: pure functions over Service documents."""

from __future__ import annotations

from typing import Any

from knarr.errors import ServiceUnreachable


def urls(service: dict[str, Any], ip: str) -> list[str]:
    """One URL a port that has a node port; https where the port is called so or is 443."""
    return [f"{_scheme(p)}://{ip}:{p['nodePort']}" for p in service["spec"].get("ports", []) if p.get("nodePort")]


def insist_on_urls(service: dict[str, Any], ip: str) -> list[str]:
    """Like ``urls``, but a Service without a node port is a ServiceUnreachable that says how it gets one."""
    found = urls(service, ip)
    if not found:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        raise ServiceUnreachable(
            f"service {namespace}/{name} of type {service['spec'].get('type')} has no node port",
            f"kubectl -n {namespace} port-forward service/{name} LOCAL:PORT, or make it a NodePort",
        )
    return found


def row(service: dict[str, Any], ip: str) -> tuple[str, str, str, str]:
    """Namespace, name, target port and URL, as ``minikube service list`` prints them."""
    ports = service["spec"].get("ports") or []
    targets = ",".join(f"{p.get('name') or p.get('protocol', 'TCP')}/{p['port']}" for p in ports)
    where = ",".join(urls(service, ip)) or "No node port"
    return service["metadata"]["namespace"], service["metadata"]["name"], targets, where


def _scheme(port: dict[str, Any]) -> str:
    return "https" if port.get("name") == "https" or port.get("port") == 443 else "http"

"""Services. What is allocated for them (addresses, node ports) is kept and dropped by the API server's allocation."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def update(new: Document, old: Document) -> None:
    """A service that is no load balancer any more has no balancer's addresses."""
    if new["spec"].get("type") != "LoadBalancer":
        new["status"] = {**(new.get("status") or {}), "loadBalancer": {}}

"""Each node gets a range of the cluster's pod addresses. Source: pkg/controller/nodeipam (RangeAllocator)."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from controllers.actions import Action, Event, Patch
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]


class Ranges:
    """``pod_cidr`` is cut into ranges of ``mask`` bits."""

    def __init__(self, pod_cidr: str, mask: int) -> None:
        self._cluster = ipaddress.ip_network(pod_cidr)
        self._mask = max(mask, self._cluster.prefixlen)

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        node = reader.get("nodes", "", key.name)
        if node is None or node["spec"].get("podCIDR"):
            return []
        taken = {n["spec"].get("podCIDR") for n in reader.list("nodes")}
        for candidate in self._cluster.subnets(new_prefix=self._mask):
            if str(candidate) not in taken:
                body = {"spec": {"podCIDR": str(candidate), "podCIDRs": [str(candidate)]}}
                return [Patch("nodes", "", key.name, body, kind="strategic", ignore_missing=True)]
        return [Event(node, "Normal", "CIDRNotAvailable", f"Node {key.name} status is now: CIDRNotAvailable")]


def controller(pod_cidr: str, mask: int) -> Controller:
    return Controller(
        name="cidrAllocator",
        watches=(Watch("nodes", own_key),),
        reconcile=Ranges(pod_cidr, mask).reconcile,
        workers=1,
    )

"""The cluster at the moment of one decision: each node with what runs on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from controllers.controller import Reader
from controllers.scheduling.resources import Amounts, add, amounts, pod_requests

Document = dict[str, Any]
BY_NODE = "node"
"""Index of pods by spec.nodeName."""
NOMINATED = "nominated"
"""Index of the pods that have no node yet by the node where room is made for them."""


@dataclass
class NodeInfo:
    """``pods`` are those that hold resources: neither Succeeded nor Failed."""

    node: Document
    pods: list[Document]

    @property
    def name(self) -> str:
        return self.node["metadata"]["name"]

    @cached_property
    def labels(self) -> dict[str, str]:
        return self.node["metadata"].get("labels") or {}

    @cached_property
    def allocatable(self) -> Amounts:
        return amounts((self.node.get("status") or {}).get("allocatable"))

    @cached_property
    def requested(self) -> Amounts:
        return self._sum(nonzero=False)

    @cached_property
    def requested_nonzero(self) -> Amounts:
        """With the default that containers without requests count as."""
        return self._sum(nonzero=True)

    @cached_property
    def ports(self) -> list[tuple[str, str, int]]:
        return [p for pod in self.pods for p in host_ports(pod)]

    def without(self, gone: list[Document]) -> NodeInfo:
        """The same node as it would be without some of its pods."""
        uids = {p["metadata"]["uid"] for p in gone}
        return NodeInfo(self.node, [p for p in self.pods if p["metadata"]["uid"] not in uids])

    def joined_by(self, more: list[Document]) -> NodeInfo:
        return NodeInfo(self.node, [*self.pods, *more])

    def _sum(self, *, nonzero: bool) -> Amounts:
        total: Amounts = {}
        for pod in self.pods:
            add(total, pod_requests(pod, nonzero=nonzero))
        return total


@dataclass
class Snapshot:
    nodes: list[NodeInfo]
    reader: Reader
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    """Labels by namespace, as far as looked up."""

    @classmethod
    def take(cls, reader: Reader) -> Snapshot:
        nodes = sorted(reader.list("nodes"), key=lambda n: n["metadata"]["name"])
        return cls([NodeInfo(n, active(reader.indexed("pods", BY_NODE, n["metadata"]["name"]))) for n in nodes], reader)

    def replacing(self, changed: NodeInfo) -> Snapshot:
        nodes = [changed if n.name == changed.name else n for n in self.nodes]
        return Snapshot(nodes, self.reader, self.namespaces)

    def expected(self, pod: Document, node: str) -> list[Document]:
        """Other pods that room is made for on a node and that are no less important than ``pod``."""
        own = pod["spec"].get("priority") or 0
        return [
            p
            for p in self.reader.indexed("pods", NOMINATED, node)
            if p["metadata"]["uid"] != pod["metadata"]["uid"] and (p["spec"].get("priority") or 0) >= own
        ]

    def namespace_labels(self, name: str) -> dict[str, str]:
        if name not in self.namespaces:
            found = self.reader.get("namespaces", "", name) or {"metadata": {}}
            self.namespaces[name] = found["metadata"].get("labels") or {}
        return self.namespaces[name]


def active(pods: list[Document]) -> list[Document]:
    return [p for p in pods if (p.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]


def host_ports(pod: Document) -> list[tuple[str, str, int]]:
    """(address, protocol, port) of each host port."""
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return [
        (p.get("hostIP") or "0.0.0.0", p.get("protocol") or "TCP", p["hostPort"])
        for c in [*(spec.get("containers") or ()), *sidecars]
        for p in c.get("ports") or ()
        if p.get("hostPort")
    ]


def ports_collide(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    same_address = one[0] == other[0] or "0.0.0.0" in (one[0], other[0])
    return one[1:] == other[1:] and same_address

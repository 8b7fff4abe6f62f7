"""What the cluster's zone says of a name. Pure; addresses and names as text, names lower case without the last dot."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubelet.network.state import ServiceState

Document = dict[str, Any]
TTL = 30
SCHEMA_VERSION = "1.1.0"


@dataclass(frozen=True, slots=True)
class Record:
    """``kind``: A, SRV, CNAME, PTR or TXT. ``value`` is (priority, weight, port, target) for SRV."""

    name: str
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """``exists`` tells a name without records of the wanted kind (NODATA) from one that is not there (NXDOMAIN)."""

    records: list[Record]
    additional: list[Record]
    exists: bool


@dataclass(frozen=True, slots=True)
class _Target:
    """An endpoint under the name by which it is found."""

    host: str
    address: str
    ports: list[Document]


class Zone:
    """``domain`` as cluster.local."""

    def __init__(self, state: ServiceState, domain: str) -> None:
        self._state = state
        self.domain = domain

    def holds(self, name: str) -> bool:
        return name == self.domain or name.endswith("." + self.domain)

    def answer(self, name: str, kind: str) -> Answer:
        """The answer for a name of the zone."""
        labels = name.removesuffix(self.domain).rstrip(".").split(".") if name != self.domain else []
        everything, additional = self._look_up(name, labels)
        if everything is None:
            return Answer([], [], self._is_between(labels))
        matching = [r for r in everything if kind in (r.kind, "ANY") or r.kind == "CNAME"]
        return Answer(matching, additional if kind in ("SRV", "ANY") else [], True)

    def reverse(self, name: str) -> Answer | None:
        """PTR of an in-addr.arpa name; None where it is no address of the cluster's."""
        address = address_of(name)
        if address is None:
            return None
        targets = list(self._names_of(address))
        return Answer([Record(name, "PTR", t) for t in targets], [], True) if targets else None

    def _look_up(self, name: str, labels: list[str]) -> tuple[list[Record] | None, list[Record]]:
        if not labels:
            return [], []
        if labels == ["dns-version"]:
            return [Record(name, "TXT", SCHEMA_VERSION)], []
        if labels[-1] == "pod" and len(labels) == 3:
            return self._pod(name, labels[0], labels[1]), []
        if labels[-1] != "svc" or len(labels) < 3:
            return None, []
        service = self._state.service(labels[-2], labels[-3])
        if service is None:
            return None, []
        rest = labels[:-3]
        if not rest:
            return self._service(name, service)
        if len(rest) == 2 and rest[0].startswith("_") and rest[1].startswith("_"):
            return self._srv(name, service, rest[0][1:], rest[1][1:])
        if len(rest) == 1 and _is_headless(service):
            found = [Record(name, "A", t.address) for t in self._targets(service) if t.host == rest[0]]
            return (found or None), []
        return None, []

    def _service(self, name: str, service: Document) -> tuple[list[Record], list[Record]]:
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return [Record(name, "CNAME", spec.get("externalName", "").rstrip("."))], []
        if not _is_headless(service):
            return [Record(name, "A", spec["clusterIP"])] if spec.get("clusterIP") else [], []
        addresses = dict.fromkeys(t.address for t in self._targets(service))
        return [Record(name, "A", a) for a in addresses], []

    def _srv(self, name: str, service: Document, port: str, protocol: str) -> tuple[list[Record] | None, list[Record]]:
        base = self._service_name(service)
        found, additional = [], []
        if _is_headless(service):
            for target in self._targets(service):
                for each in target.ports:
                    if (each.get("name") or "") == port and (each.get("protocol") or "TCP").lower() == protocol:
                        host = f"{target.host}.{base}"
                        found.append(Record(name, "SRV", (0, 100, each.get("port") or 0, host)))
                        additional.append(Record(host, "A", target.address))
        else:
            for each in service["spec"].get("ports") or ():
                if (each.get("name") or "") == port and (each.get("protocol") or "TCP").lower() == protocol:
                    found.append(Record(name, "SRV", (0, 100, each["port"], base)))
                    additional.append(Record(base, "A", service["spec"]["clusterIP"]))
        return (found or None), additional

    def _pod(self, name: str, dashed: str, namespace: str) -> list[Record] | None:
        if not self._state.has_namespace(namespace) and namespace != "default":
            return None
        try:
            return [Record(name, "A", str(ipaddress.IPv4Address(dashed.replace("-", "."))))]
        except ValueError:
            return None

    def _targets(self, service: Document) -> Iterator[_Target]:
        """The endpoints that may be told of: ready ones, all where the Service wants that."""
        meta = service["metadata"]
        everybody = bool(service["spec"].get("publishNotReadyAddresses"))
        for each in self._state.slices(meta["namespace"], meta["name"]):
            for endpoint in each.get("endpoints") or ():
                if not everybody and (endpoint.get("conditions") or {}).get("ready") is False:
                    continue
                for address in endpoint.get("addresses") or ():
                    if ":" not in address:
                        host = endpoint.get("hostname") or address.replace(".", "-")
                        yield _Target(host, address, each.get("ports") or [])

    def _names_of(self, address: str) -> Iterator[str]:
        service = self._state.service_at(address)
        if service is not None:
            yield self._service_name(service)
            return
        for each in self._state.services():
            if _is_headless(each):
                for target in self._targets(each):
                    if target.address == address:
                        yield f"{target.host}.{self._service_name(each)}"

    def _service_name(self, service: Document) -> str:
        return f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.{self.domain}"

    def _is_between(self, labels: list[str]) -> bool:
        """Names above others exist though they hold nothing: ``svc``, ``pod`` and the namespaces below them."""
        if labels in ([], ["svc"], ["pod"]):
            return True
        return len(labels) == 2 and labels[1] in ("svc", "pod") and self._state.has_namespace(labels[0])


def _is_headless(service: Document) -> bool:
    return service["spec"].get("clusterIP") == "None" and service["spec"].get("type") != "ExternalName"


def address_of(name: str) -> str | None:
    """``10.244.0.5`` of ``5.0.244.10.in-addr.arpa``."""
    parts = name.removesuffix(".in-addr.arpa").split(".")
    if not name.endswith(".in-addr.arpa") or len(parts) != 4:
        return None
    try:
        return str(ipaddress.IPv4Address(".".join(reversed(parts))))
    except ValueError:
        return None

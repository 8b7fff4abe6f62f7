"""Gives Services their cluster IP, IP family fields, node ports and health check port.

Source of meaning and wording: pkg/registry/core/service/storage/alloc.go, for a cluster of one IP family.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apimachinery.errors import InternalError, Invalid
from apimachinery.fielderrors import FieldError, invalid
from apiserver.allocation import specs
from apiserver.allocation.pools import FULL, Addresses, Pool, port_refusal
from apiserver.allocation.specs import Spec

if TYPE_CHECKING:
    from apiserver.admission.plugin import Reader
    from apiserver.context import Operation

Finish = Callable[[bool], None]
_POLICY = "spec.ipFamilyPolicy"


@dataclass(slots=True)
class _Taken:
    """Addresses and ports that other Services have or are about to have, and what this write takes of them."""

    addresses: set[int] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    new_addresses: set[int] = field(default_factory=set)
    new_ports: set[int] = field(default_factory=set)

    def take_address(self, address: int) -> None:
        self.addresses.add(address)
        self.new_addresses.add(address)

    def take_port(self, port: int) -> None:
        self.ports.add(port)
        self.new_ports.add(port)


class ServiceAllocator:
    """``hook`` runs for each create and update of a Service; what it handed out is reserved until the write ended."""

    def __init__(self, addresses: Addresses, ports: Pool, rng: random.Random) -> None:
        self._addresses = addresses
        self._ports = ports
        self._rng = rng
        self._reserved_addresses: set[int] = set()
        self._reserved_ports: set[int] = set()

    def hook(self, op: Operation, reader: Reader) -> Finish | None:
        """Raises Invalid for what cannot be had, InternalError where a range is full."""
        if op.verb not in ("CREATE", "UPDATE") or op.subresource:
            return None
        name, spec = op.object["metadata"].get("name", ""), op.object["spec"]
        old: Spec | None = op.old_object["spec"] if op.old_object is not None else None
        specs.prepare(spec, old)
        taken = self._taken(reader)
        self._set_families(name, spec, old)
        self._set_cluster_ip(name, spec, old, taken)
        self._set_node_ports(name, spec, old, taken)
        self._set_health_check_port(spec, old, taken)
        if op.dry_run or not (taken.new_addresses or taken.new_ports):
            return None
        return self._reserve(taken)

    def _reserve(self, taken: _Taken) -> Finish:
        self._reserved_addresses |= taken.new_addresses
        self._reserved_ports |= taken.new_ports

        def finish(committed: bool) -> None:
            # Committed or not: from here on the store knows.
            self._reserved_addresses -= taken.new_addresses
            self._reserved_ports -= taken.new_ports

        return finish

    def _taken(self, reader: Reader) -> _Taken:
        taken = _Taken(set(self._reserved_addresses), set(self._reserved_ports))
        for service in reader.list("services"):
            spec = service["spec"]
            taken.addresses.update(_numbers(spec.get("clusterIPs") or ()))
            taken.ports.update(specs.node_ports(spec))
            if spec.get("healthCheckNodePort"):
                taken.ports.add(spec["healthCheckNodePort"])
        return taken

    def _set_families(self, name: str, spec: Spec, old: Spec | None) -> None:
        if not specs.needs_cluster_ip(spec):
            return
        bare = specs.is_headless(spec) and not spec.get("selector")
        if not spec.get("ipFamilyPolicy"):
            default = "RequireDualStack" if bare else "SingleStack"
            spec["ipFamilyPolicy"] = (old or {}).get("ipFamilyPolicy") or default
        families = list(spec.get("ipFamilies") or ())
        errors = self._family_errors(spec, families, old, bare=bare)
        if errors:
            raise Invalid.of("Service", name, errors)
        families = families or [self._addresses.family]
        if bare and len(families) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        spec["ipFamilies"] = families

    def _family_errors(self, spec: Spec, families: list[str], old: Spec | None, *, bare: bool) -> list[FieldError]:
        """Also adds to ``families`` what the addresses say."""
        policy, ips = spec["ipFamilyPolicy"], spec.get("clusterIPs") or []
        errors = []
        if policy == "SingleStack":
            dual = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"
            if len(ips) == 2:
                errors.append(invalid(_POLICY, policy, dual.format("cluster IPs")))
            if len(families) == 2:
                errors.append(invalid(_POLICY, policy, dual.format("IP families")))
        for i, ip in enumerate(ips):
            if ip == "None":
                break
            family = "IPv6" if ":" in ip else "IPv4"
            if i >= len(families):
                families.append(family)
                if family != self._addresses.family:
                    errors.append(invalid(f"spec.clusterIPs[{i}]", ips, f"{family} is not configured on this cluster"))
        if errors or bare:
            return errors
        if policy == "RequireDualStack":
            errors.append(invalid(_POLICY, policy, "this cluster is not configured for dual-stack services"))
        for i, family in enumerate(families):
            if family != self._addresses.family:
                errors.append(invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster"))
        return errors

    def _set_cluster_ip(self, name: str, spec: Spec, old: Spec | None, taken: _Taken) -> None:
        if not specs.needs_cluster_ip(spec) or specs.is_headless(spec):
            return
        if old is not None and specs.needs_cluster_ip(old):
            return
        ips = spec.get("clusterIPs") or []
        if not ips:
            address = self._addresses.next(taken.addresses, self._rng)
            if address is None:
                raise InternalError.of(f'failed to allocate a serviceIP for Service "{name}": {FULL}')
        else:
            address = int(ipaddress.ip_address(ips[0]))
            why = self._addresses.refusal(address, taken.addresses)
            if why:
                detail = f"failed to allocate IP {ips[0]}: {why}"
                raise Invalid.of("Service", name, [invalid("spec.clusterIPs", ips, detail)])
        taken.take_address(address)
        spec["clusterIP"] = self._addresses.text(address)
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _set_node_ports(self, name: str, spec: Spec, old: Spec | None, taken: _Taken) -> None:
        if not specs.may_have_node_ports(spec):
            return
        mine = set(specs.node_ports(old)) if old is not None else set()
        ports = spec.get("ports") or []
        by_port: dict[int, int] = {}
        for i, port in enumerate(ports):
            wanted = (
                port.get("nodePort") or by_port.get(port["port"]) or (_asked_for(ports, port) if old is None else 0)
            )
            if not wanted:
                if not specs.needs_node_ports(spec):
                    continue
                wanted = self._next_port("failed to allocate a nodePort", taken)
            elif wanted not in mine and wanted not in taken.new_ports:
                self._ask_port(name, f"spec.ports[{i}].nodePort", wanted, taken)
            port["nodePort"] = wanted
            # One port number over several protocols shares a node port, on create.
            if old is None:
                by_port.setdefault(port["port"], wanted)

    def _ask_port(self, name: str, path: str, port: int, taken: _Taken) -> None:
        why = port_refusal(self._ports, port, taken.ports)
        if why:
            raise Invalid.of("Service", name, [invalid(path, port, why)])
        taken.take_port(port)

    def _next_port(self, attempt: str, taken: _Taken) -> int:
        port = self._ports.next(taken.ports, self._rng)
        if port is None:
            raise InternalError.of(f"{attempt}: {FULL}")
        taken.take_port(port)
        return port

    def _set_health_check_port(self, spec: Spec, old: Spec | None, taken: _Taken) -> None:
        if not specs.needs_health_check_port(spec) or (old is not None and specs.needs_health_check_port(old)):
            return
        wanted = spec.get("healthCheckNodePort")
        if not wanted:
            spec["healthCheckNodePort"] = self._next_port("failed to allocate a HealthCheck NodePort 0", taken)
            return
        why = port_refusal(self._ports, wanted, taken.ports)
        if why:
            raise InternalError.of(f"failed to allocate requested HealthCheck NodePort {wanted}: {why}")
        taken.take_port(wanted)


def _asked_for(ports: list[Spec], port: Spec) -> int:
    """The node port that another entry of the same port number names."""
    return next((p["nodePort"] for p in ports if p["port"] == port["port"] and p.get("nodePort")), 0)


def _numbers(ips: Iterable[str]) -> Iterable[int]:
    return (int(ipaddress.ip_address(ip)) for ip in ips if ip and ip != "None")

"""The nft script of one node: what brings the cluster's table to the wanted state in one transaction. Pure.

Maps go from where a packet is sent to the chain of that Service port; the chain picks an endpoint's chain, which
translates. Sets that remember clients (session affinity) are kept from one script to the next; rules and map elements
are written anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kubelet.network.services.model import Endpoint, ServicePort

MASQUERADE_MARK = "0x4000"
"""The bit of the packet mark that kube-proxy uses too."""

_VIA = "ip daddr . meta l4proto . th dport"
_ADDRESS_MAP = "type ipv4_addr . inet_proto . inet_service : verdict;"
_PORT_MAP = "type inet_proto . inet_service : verdict;"
_MAPS = (
    ("service-ips", _ADDRESS_MAP),
    ("outside-ips", _ADDRESS_MAP),
    ("node-ports", _PORT_MAP),
    ("host-ports", _PORT_MAP),
    ("host-ports-at", _ADDRESS_MAP),
    ("refused", _ADDRESS_MAP),
    ("refused-node-ports", _PORT_MAP),
)
_HAIRPIN = "hairpin"
_HOOKS = (
    ("prerouting", "type nat hook prerouting priority -100;"),
    ("output", "type nat hook output priority -100;"),
    ("postrouting", "type nat hook postrouting priority 100;"),
    ("forward", "type filter hook forward priority 0;"),
    ("local-in", "type filter hook input priority 0;"),
    ("local-out", "type filter hook output priority 0;"),
)
_PLAIN = ("services", "node-port-traffic", "host-port-traffic", "no-endpoints", "refuse")


@dataclass(frozen=True, slots=True)
class HostPort:
    """A container's hostPort. ``address`` empty: every local one."""

    protocol: str
    port: int
    address: str
    pod_ip: str
    pod_port: int


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """What does not change while the kubelet runs. CIDRs as text."""

    table: str
    bridge: str
    pod_cidr: str
    cluster_cidr: str
    service_cidr: str
    node_port_addresses: tuple[str, ...]
    local_addresses: tuple[str, ...] = ()
    """Addresses of the service range on which the host itself answers: DNS."""


@dataclass(slots=True)
class Contents:
    """What of a table differs from one script to the next."""

    chains: dict[str, list[str]] = field(default_factory=dict)
    """Rules by chain."""
    sets: dict[str, int] = field(default_factory=dict)
    """Seconds that an affinity set remembers, by set."""
    elements: dict[str, dict[str, str]] = field(default_factory=dict)
    """Key to verdict by map; the hairpin set's have none."""

    def element(self, where: str, key: str, verdict: str = "") -> None:
        """Two Services may claim the same outside address, two pods the same host port: nft takes a key once, or
        refuses the whole script. The first one has it."""
        self.elements.setdefault(where, {}).setdefault(key, verdict)


def contents(ports: list[ServicePort], host_ports: list[HostPort]) -> Contents:
    found = Contents()
    for port in ports:
        _add_service(found, port)
    for host_port in host_ports:
        _add_host_port(found, host_port)
    return found


def script(node: NodeNetwork, wanted: Contents, current: Contents | None) -> str:
    """Commands for ``nft -f``. ``current`` None: whatever the table holds, it is replaced."""
    table = f"ip {node.table}"
    lines = [f"add table {table}"]
    if current is None:
        lines += [f"delete table {table}", f"add table {table}"]
        current = Contents()
    lines += [f"add map {table} {name} {{ {kind} }}" for name, kind in _MAPS]
    lines.append(f"add set {table} {_HAIRPIN} {{ type ipv4_addr . ipv4_addr; }}")
    lines += [f"add chain {table} {name} {{ {hook} }}" for name, hook in _HOOKS]
    base = _base_rules(node)
    stale = [c for c in current.chains if c not in wanted.chains]
    lines += [f"add chain {table} {name}" for name in (*_PLAIN, *wanted.chains)]
    lines += [f"flush chain {table} {name}" for name in (*base, *wanted.chains, *stale)]
    lines += [f"flush map {table} {name}" for name, _ in _MAPS]
    lines.append(f"flush set {table} {_HAIRPIN}")
    lines += [
        f"add set {table} {name} {{ {_remembering(s)} }}" for name, s in wanted.sets.items() if name not in current.sets
    ]
    for name, rules in (*base.items(), *wanted.chains.items()):
        lines += [f"add rule {table} {name} {rule}" for rule in rules]
    for name, elements in wanted.elements.items():
        written = [f"{key} : {verdict}" if verdict else key for key, verdict in elements.items()]
        lines.append(f"add element {table} {name} {{ {', '.join(written)} }}")
    lines += [f"delete chain {table} {name}" for name in stale]
    lines += [f"delete set {table} {name}" for name in current.sets if name not in wanted.sets]
    return "\n".join(lines) + "\n"


def _remembering(seconds: int) -> str:
    return f"type ipv4_addr; flags dynamic,timeout; timeout {seconds}s;"


def _base_rules(node: NodeNetwork) -> dict[str, list[str]]:
    bridge = f'"{node.bridge}"'
    spared = f"ip daddr != {{ {', '.join(node.local_addresses)} }} " if node.local_addresses else ""
    return {
        "prerouting": ["jump services"],
        "output": ["jump services"],
        "services": [
            f"{_VIA} vmap @service-ips",
            f"{_VIA} vmap @outside-ips",
            "fib daddr type local jump host-port-traffic",
            "fib daddr type local jump node-port-traffic",
        ],
        "host-port-traffic": [f"{_VIA} vmap @host-ports-at", "meta l4proto . th dport vmap @host-ports"],
        "node-port-traffic": [f"{w}meta l4proto . th dport vmap @node-ports" for w in _where(node)],
        "postrouting": [
            f"meta mark and {MASQUERADE_MARK} != 0 masquerade",
            f"ip saddr . ip daddr @{_HAIRPIN} masquerade",
            f"ip saddr 127.0.0.0/8 oifname {bridge} masquerade",
            f"ip saddr {node.cluster_cidr} ip daddr != {node.cluster_cidr} oifname != {bridge} masquerade",
        ],
        "forward": ["ct state new jump no-endpoints"],
        "local-in": ["ct state new jump no-endpoints"],
        # The host would tell pods of a shorter way to one another, past the translation.
        "local-out": [f"oifname {bridge} icmp type redirect drop", "ct state new jump no-endpoints"],
        "no-endpoints": [
            f"{_VIA} vmap @refused",
            "fib daddr type local meta l4proto . th dport vmap @refused-node-ports",
            # What no Service has on an address of the range is refused; on the bridge nobody would ever answer.
            f"{spared}ip daddr {node.service_cidr} goto refuse",
        ],
        "refuse": ["meta l4proto tcp reject with tcp reset", "reject"],
    }


def _where(node: NodeNetwork) -> list[str]:
    if "0.0.0.0/0" in node.node_port_addresses:
        return [""]
    # Another cluster may have the same port on every address: ours is on our own, and on none of loopback's.
    return [f"ip daddr {{ {', '.join(node.node_port_addresses)} }} "]


def _add_service(found: Contents, port: ServicePort) -> None:
    for endpoint in dict.fromkeys([*(port.internal or ()), *(port.external or ())]):
        _add_endpoint(found, port, endpoint)
    cluster = f"{port.cluster_ip} . {port.protocol} . {port.port}"
    if port.internal:
        found.chains[f"svc-{port.id}"] = _pick(port, port.internal)
        found.element("service-ips", cluster, f"goto svc-{port.id}")
    else:
        found.element("refused", cluster, _refusal(port.internal))
    if port.node_port or port.outside:
        _add_external(found, port)


def _add_external(found: Contents, port: ServicePort) -> None:
    node_port = f"{port.protocol} . {port.node_port}"
    outside = [f"{address} . {port.protocol} . {port.port}" for address in port.outside]
    if not port.external:
        for each in outside:
            found.element("refused", each, _refusal(port.external))
        if port.node_port:
            found.element("refused-node-ports", node_port, _refusal(port.external))
        return
    chain = f"ext-{port.id}"
    remote = not port.keeps_source and not all(e.local for e in port.external)
    mark = [f"meta mark set meta mark or {MASQUERADE_MARK}"] if remote else []
    found.chains[chain] = [*mark, *_pick(port, port.external)]
    if port.node_port:
        found.element("node-ports", node_port, f"goto {chain}")
    door = chain
    if port.sources is not None and outside:
        door = f"fw-{port.id}"
        found.chains[door] = [f"ip saddr {{ {', '.join(port.sources)} }} goto {chain}"] if port.sources else []
    for each in outside:
        found.element("outside-ips", each, f"goto {door}")
        if door != chain:
            # Whoever is let in is translated by now; what still has this destination is not.
            found.element("refused", each, "drop")


def _add_endpoint(found: Contents, port: ServicePort, endpoint: Endpoint) -> None:
    chain = _endpoint_chain(port, endpoint)
    rules = []
    if port.affinity_seconds:
        remembered = _affinity_set(port, endpoint)
        found.sets[remembered] = port.affinity_seconds
        rules.append(f"update @{remembered} {{ ip saddr }}")
    rules.append(f"meta l4proto {port.protocol} dnat to {endpoint.address}:{endpoint.port}")
    found.chains[chain] = rules
    found.element(_HAIRPIN, f"{endpoint.address} . {endpoint.address}")


def _add_host_port(found: Contents, host_port: HostPort) -> None:
    suffix = f"-{host_port.address.replace('.', '_')}" if host_port.address else ""
    chain = f"host-{host_port.protocol}-{host_port.port}{suffix}"
    if chain in found.chains:
        return
    found.chains[chain] = [f"meta l4proto {host_port.protocol} dnat to {host_port.pod_ip}:{host_port.pod_port}"]
    found.element(_HAIRPIN, f"{host_port.pod_ip} . {host_port.pod_ip}")
    if host_port.address:
        at = f"{host_port.address} . {host_port.protocol} . {host_port.port}"
        found.element("host-ports-at", at, f"goto {chain}")
    else:
        found.element("host-ports", f"{host_port.protocol} . {host_port.port}", f"goto {chain}")


def _refusal(endpoints: tuple[Endpoint, ...] | None) -> str:
    return "drop" if endpoints is None else "goto refuse"


def _pick(port: ServicePort, endpoints: tuple[Endpoint, ...]) -> list[str]:
    rules = []
    if port.affinity_seconds:
        rules += [f"ip saddr @{_affinity_set(port, e)} goto {_endpoint_chain(port, e)}" for e in endpoints]
    if len(endpoints) == 1:
        return [*rules, f"goto {_endpoint_chain(port, endpoints[0])}"]
    choices = ", ".join(f"{i} : goto {_endpoint_chain(port, e)}" for i, e in enumerate(endpoints))
    return [*rules, f"numgen random mod {len(endpoints)} vmap {{ {choices} }}"]


def _endpoint_chain(port: ServicePort, endpoint: Endpoint) -> str:
    return f"ep-{port.id}-{endpoint.address.replace('.', '_')}-{endpoint.port}"


def _affinity_set(port: ServicePort, endpoint: Endpoint) -> str:
    return f"aff-{port.id}-{endpoint.address.replace('.', '_')}-{endpoint.port}"

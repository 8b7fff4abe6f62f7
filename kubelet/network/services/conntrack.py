"""UDP flows that the kernel would go on sending to an endpoint that left, or to nobody. Pure.

TCP connections end by themselves; a UDP flow lives for as long as somebody sends. Source: pkg/proxy/conntrack.
"""

from __future__ import annotations

from kubelet.network.services.model import ServicePort


def deletions(before: list[ServicePort], after: list[ServicePort]) -> list[list[str]]:
    """Arguments of ``conntrack`` that forget what no longer holds."""
    now = {p.id: p for p in after}
    found: list[list[str]] = []
    for old in before:
        if old.protocol == "udp":
            found += _of_port(old, now.get(old.id))
    for new in after:
        known = any(p.id == new.id for p in before)
        if new.protocol == "udp" and not known and new.internal:
            # Packets may have gone to the bare address before the Service had endpoints.
            found += _to_service(new)
    return found


def _of_port(old: ServicePort, new: ServicePort | None) -> list[list[str]]:
    def addresses(port: ServicePort | None) -> set[str]:
        return {e.address for e in (*(port.internal or ()), *(port.external or ()))} if port else set()

    left, arrived = addresses(old) - addresses(new), addresses(new) - addresses(old)
    found = [["-D", "-p", "udp", "--orig-dst", old.cluster_ip, "--reply-src", address] for address in sorted(left)]
    if old.node_port:
        found += [["-D", "-p", "udp", "--orig-port-dst", str(old.node_port), "--reply-src", a] for a in sorted(left)]
    if new is not None and arrived and not addresses(old):
        found += _to_service(new)
    return found


def _to_service(port: ServicePort) -> list[list[str]]:
    found = [["-D", "-p", "udp", "--orig-dst", port.cluster_ip, "--orig-port-dst", str(port.port)]]
    if port.node_port:
        found.append(["-D", "-p", "udp", "--orig-port-dst", str(port.node_port)])
    return found

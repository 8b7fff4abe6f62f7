"""The one gateway to links, addresses and routes: everything that speaks netlink (pyroute2), blocking, for threads.

``ensure_x`` and ``remove_x`` come in pairs and may be repeated. Nothing here decides anything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from kubelet import kernel

NAMESPACES = Path("/run/netns")
_EXISTS, _GONE, _NO_DEVICE = 17, 2, 19
_LINK_SCOPE = 253


def ensure_bridge(name: str, address: str, prefixlen: int, *, further: tuple[str, ...] = ()) -> None:
    """A bridge that is up, with its own address and ``further`` single ones (/32)."""
    with _here() as ip:
        index = _index(ip, name)
        if index is None:
            with _tolerating(_EXISTS):
                ip.link("add", ifname=name, kind="bridge", br_stp_state=0)
            index = _index(ip, name)
        with _tolerating(_EXISTS):
            ip.addr("add", index=index, address=address, prefixlen=prefixlen)
        for other in further:
            with _tolerating(_EXISTS):
                ip.addr("add", index=index, address=other, prefixlen=32)
        ip.link("set", index=index, state="up")


def ensure_route(destination: str, link: str, *, source: str) -> None:
    """What goes to ``destination`` leaves by ``link``, from ``source`` when it starts on this host."""
    with _here() as ip, _tolerating(_EXISTS):
        ip.route("add", dst=destination, oif=_index(ip, link), scope=_LINK_SCOPE, prefsrc=source)


def ensure_link_removed(name: str) -> None:
    with _here() as ip, _tolerating(_NO_DEVICE, _GONE):
        index = _index(ip, name)
        if index is not None:
            ip.link("del", index=index)


def links(prefix: str) -> list[str]:
    return sorted(n for n in os.listdir("/sys/class/net") if n.startswith(prefix))


def default_route() -> tuple[str, str] | None:
    """(link, source address) of the way out; None on a machine without one."""
    with _here() as ip:
        for route in ip.get_default_routes(family=2, table=254):
            attributes = dict(route["attrs"])
            index = attributes.get("RTA_OIF")
            if index is None:
                continue
            link = ip.get_links(index)[0].get_attr("IFLA_IFNAME")
            source = attributes.get("RTA_PREFSRC") or _first_address(ip, index)
            if source:
                return str(link), str(source)
    return None


def ensure_namespace(name: str, prepare: Callable[[], None]) -> str:
    """A named network namespace; ``prepare`` runs inside it once, in a thread of its own. Its path."""
    path = NAMESPACES / name
    if is_namespace(path):
        return str(path)
    NAMESPACES.mkdir(mode=0o755, exist_ok=True)
    path.touch()
    failure: list[BaseException] = []

    def inside() -> None:
        try:
            kernel.unshare(kernel.CLONE_NEWNET)
            prepare()
            # Bound last: a namespace that has its name is complete.
            kernel.bind(kernel.thread_namespace("net"), str(path))
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
            failure.append(error)

    thread = threading.Thread(target=inside, name="netns")
    thread.start()
    thread.join()
    if failure:
        path.unlink(missing_ok=True)
        raise failure[0]
    return str(path)


def remove_namespace(name: str) -> None:
    path = NAMESPACES / name
    kernel.unmount_if_mounted(str(path), detach=True)
    path.unlink(missing_ok=True)


def is_namespace(path: Path) -> bool:
    """Whether something is mounted there: the name alone outlives a reboot nowhere but on a strange /run."""
    try:
        return os.stat(path).st_dev != os.stat(path.parent).st_dev
    except FileNotFoundError:
        return False


def namespaces(prefix: str) -> list[str]:
    try:
        return sorted(n for n in os.listdir(NAMESPACES) if n.startswith(prefix))
    except FileNotFoundError:
        return []


def remove_namespaces_folder() -> None:
    """``ip netns`` makes it again when it is needed; whoever still has a name in it keeps it."""
    try:
        NAMESPACES.rmdir()
    except OSError:
        return


def mtu(link: str) -> int:
    """Asked of netlink: /sys shows the links of the namespace that it was mounted in."""
    with _here() as ip:
        return int(ip.get_links(_index(ip, link))[0].get_attr("IFLA_MTU"))


def has_link(name: str) -> bool:
    with _here() as ip:
        return _index(ip, name) is not None


def ensure_way(destination: str, link: str, *, via: str, source: str) -> None:
    """``destination`` is reached by ``via``, a single address that is directly on ``link``."""
    with _here() as ip:
        index = _index(ip, link)
        with _tolerating(_EXISTS):
            ip.route("add", dst=f"{via}/32", oif=index, scope=_LINK_SCOPE, prefsrc=source)
        with _tolerating(_EXISTS):
            ip.route("add", dst=destination, gateway=via, oif=index, prefsrc=source)


def connect_pod(*, host_link: str, address: str, gateway: str, mtu: int) -> None:
    """Run inside the pod's namespace: a veth pair whose other end is in the host's, an address of /32, and a default
    route by way of the bridge.

    With /32 every packet passes the host's routing, also between two pods of one bridge: translation of Services then
    works in both directions whether or not the kernel shows bridged packets to netfilter.
    """
    with IPRoute() as ip:
        ip.link("set", index=1, state="up")
        host = os.open(f"/proc/{os.getpid()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            peer = {"ifname": host_link, "net_ns_fd": host, "mtu": mtu}
            ip.link("add", ifname="eth0", kind="veth", mtu=mtu, peer=peer)
        finally:
            os.close(host)
        index = ip.link_lookup(ifname="eth0")[0]
        ip.addr("add", index=index, address=address, prefixlen=32)
        ip.link("set", index=index, state="up")
        ip.route("add", dst=f"{gateway}/32", oif=index, scope=_LINK_SCOPE)
        ip.route("add", dst="0.0.0.0/0", gateway=gateway, oif=index)
    # The bridge would tell pods of a shorter way to one another, which would go past the translation of Services.
    for link in ("all", "eth0"):
        _write_sysctl(f"net/ipv4/conf/{link}/accept_redirects", "0")


def attach_to_bridge(link: str, bridge: str) -> None:
    """The host's end goes up as a port of the bridge."""
    with _here() as ip:
        index, master = _index(ip, link), _index(ip, bridge)
        ip.link("set", index=index, master=master, state="up")
        # A pod that reaches itself by a Service: where the kernel translates bridged packets, they go back through the
        # port that they came from.
        ip.brport("set", index=index, mode=1)


def write_sysctls(settings: dict[str, str]) -> None:
    """Dotted names, in the namespace of the calling thread."""
    for name, value in settings.items():
        _write_sysctl(name.replace(".", "/"), value)


def _write_sysctl(path: str, value: str) -> None:
    # /proc/sys/net shows the namespace of the thread that opens it.
    with open(f"/proc/sys/{path}", "w") as file:
        file.write(value)


def _first_address(ip: Any, index: int) -> str | None:
    for address in ip.get_addr(index=index, family=2):
        return address.get_attr("IFA_LOCAL") or address.get_attr("IFA_ADDRESS")
    return None


def _index(ip: Any, name: str) -> int | None:
    found = ip.link_lookup(ifname=name)
    return found[0] if found else None


@contextmanager
def _here() -> Iterator[Any]:
    with IPRoute() as ip:
        yield ip


@contextmanager
def _tolerating(*codes: int) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.code not in codes:
            raise

"""What one cluster is: name, runtime, addresses and ports, chosen once at the first start, kept in cluster.json."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from knarr.errors import DataDamaged, NoAddressRange
from knarr.files import write_json
from knarr.paths import ClusterPaths

VERSION = 1
SLOTS = 40
"""Side by side: slot i has pods 10.(244-i).0.0/16 and services 10.(96+i).0.0/16."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """``slot`` numbers the clusters of a machine; ports are TCP on loopback and on ``node_ip``."""

    profile: str
    runtime: str
    slot: int
    node_name: str
    node_ip: str
    pod_cidr: str
    service_cidr: str
    api_port: int
    kubelet_port: int
    link_prefix: str
    node_port_addresses: tuple[str, ...]
    listen: tuple[str, ...] = ()
    """Further addresses that the API server answers on, for clients on other machines."""
    nodes: int = 1
    version: int = VERSION

    @property
    def cluster_dns(self) -> str:
        return str(ipaddress.ip_network(self.service_cidr)[10])

    @property
    def api_service_ip(self) -> str:
        return str(ipaddress.ip_network(self.service_cidr)[1])

    @property
    def advertise_address(self) -> str:
        return str(ipaddress.ip_network(self.pod_cidr)[1])

    @property
    def server_url(self) -> str:
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def table(self) -> str:
        """The nft table and the cgroup subtree."""
        return f"knarr-{self.profile}"

    def document(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def link_prefix(profile: str, salt: str) -> str:
    """Six characters for links and namespaces: ``kn`` and four hex digits of the profile and its home."""
    return "kn" + hashlib.sha256(f"{salt}/{profile}".encode()).hexdigest()[:4]


def cidrs(slot: int) -> tuple[str, str]:
    """(pod CIDR, service CIDR) of a slot."""
    return f"10.{244 - slot}.0.0/16", f"10.{96 + slot}.0.0/16"


def free_slot(taken: Iterable[int], routes: Iterable[str]) -> int:
    """The lowest slot that no cluster has and whose ranges overlap no route of the host."""
    used = set(taken)
    networks = [ipaddress.ip_network(r) for r in routes]
    for slot in range(SLOTS):
        ranges = [ipaddress.ip_network(c) for c in cidrs(slot)]
        if slot not in used and not any(r.overlaps(n) for r in ranges for n in networks):
            return slot
    raise NoAddressRange(
        f"none of the {SLOTS} address ranges that a cluster could have is free",
        "delete a cluster that is not needed (knarr delete -p NAME), or a route that covers 10.0.0.0/8",
    )


def load(paths: ClusterPaths) -> ClusterConfig | None:
    """None where there is no cluster.json yet: the directory is new or half made."""
    try:
        text = paths.config.read_text()
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
        fields = {f.name for f in dataclasses.fields(ClusterConfig)}
        unknown = sorted(set(document) - fields)
        if unknown:
            raise ValueError(f"unknown settings {', '.join(unknown)}")
        for key in ("node_port_addresses", "listen"):
            document[key] = tuple(document[key])
        return ClusterConfig(**document)
    except (ValueError, TypeError, KeyError) as error:
        raise DataDamaged(
            f"{paths.config} cannot be read: {error}", f"mend the file, or knarr delete -p {paths.profile}"
        ) from error


def load_leniently(paths: ClusterPaths) -> ClusterConfig | None:
    """Like load, but None for a damaged file too: deleting must work on what nothing else can read."""
    try:
        return load(paths)
    except DataDamaged:
        return None


def save(paths: ClusterPaths, config: ClusterConfig) -> None:
    write_json(paths.config, config.document(), durable=True)

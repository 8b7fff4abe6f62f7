"""What the kubelet is told: one JSON document, read once in ``__main__``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

RUNTIMES = ("native", "simulated")


class SettingsError(Exception):
    """The settings file can't be used; says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths are absolute, ports are TCP, CIDRs are IPv4."""

    node_name: str
    kubeconfig: str
    root_dir: str
    """Pods' data: ``pods/UID``, ``logs``, and what the runtime keeps."""
    images_dir: str
    run_dir: str
    """What a reboot may lose: sockets, mounts."""
    runtime: str
    node_ip: str
    node_namespace: dict[str, Any] | None
    """The network namespace that this node lives in (network.node.NodeNamespace); None: the host's own."""
    listen: tuple[tuple[str, int], ...]
    tls_cert: str
    tls_key: str
    client_ca: str
    pod_cidr: str
    """This node's own range; ``spec.podCIDR`` of the Node object wins where it is set."""
    cluster_cidr: str
    service_cidr: str
    cluster_dns: str
    cluster_domain: str
    cgroup_root: str
    link_prefix: str
    nft_table: str
    node_port_addresses: tuple[str, ...]
    max_pods: int
    upstream_dns: tuple[str, ...]
    """Empty: those of the host's resolv.conf."""
    apiserver_port: int

    @property
    def pods_dir(self) -> Path:
        return Path(self.root_dir) / "pods"

    @property
    def logs_dir(self) -> Path:
        return Path(self.root_dir) / "logs"

    @property
    def port(self) -> int:
        return self.listen[0][1] if self.listen else 0

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """Raises SettingsError naming every key that is unknown or missing."""
        try:
            document = orjson.loads(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(f"cannot read the settings {path}: {error}") from error
        if not isinstance(document, dict):
            raise SettingsError(f"the settings {path} are not a JSON object")
        return cls.of(document, where=str(path))

    @classmethod
    def of(cls, document: dict[str, Any], *, where: str = "settings") -> Settings:
        names = {f.name for f in dataclasses.fields(cls)}
        wrong = [f"unknown key {key!r}" for key in sorted(set(document) - names)]
        wrong += [f"missing key {key!r}" for key in sorted(names - set(document))]
        if not wrong and document["runtime"] not in RUNTIMES:
            wrong.append(f"runtime {document['runtime']!r} is neither {' nor '.join(RUNTIMES)}")
        if wrong:
            raise SettingsError(f"{where}: {', '.join(wrong)}")
        return cls(
            **{
                **document,
                "listen": tuple((host, int(port)) for host, port in document["listen"]),
                "node_port_addresses": tuple(document["node_port_addresses"]),
                "upstream_dns": tuple(document["upstream_dns"]),
            }
        )

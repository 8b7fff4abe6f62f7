"""What each program is told: one JSON document a component, a pure function of the cluster's configuration."""

from __future__ import annotations

from typing import Any

from knarr.config import ClusterConfig
from knarr.nodes import Node, nodes
from knarr.paths import ClusterPaths

ISSUER = "https://kubernetes.default.svc.cluster.local"


def apiserver(config: ClusterConfig, paths: ClusterPaths) -> dict[str, Any]:
    pki = paths.pki
    addresses = dict.fromkeys(("127.0.0.1", config.node_ip, *config.listen))
    return {
        "listen": [[a, config.api_port] for a in addresses],
        "advertise_address": config.advertise_address,
        "advertise_port": config.api_port,
        "database": f"sqlite:///{paths.root}/apiserver/state.db",
        "tls_cert": str(pki / "apiserver.crt"),
        "tls_key": str(pki / "apiserver.key"),
        "client_ca": str(pki / "ca.crt"),
        "service_account_key": str(pki / "sa.key"),
        "service_account_public_key": str(pki / "sa.pub"),
        "service_account_issuer": ISSUER,
        "kubelet_client_cert": str(pki / "apiserver-kubelet-client.crt"),
        "kubelet_client_key": str(pki / "apiserver-kubelet-client.key"),
        "kubelet_ca": str(pki / "ca.crt"),
        "front_proxy_ca": str(pki / "front-proxy-ca.crt"),
        "front_proxy_cert": str(pki / "front-proxy-client.crt"),
        "front_proxy_key": str(pki / "front-proxy-client.key"),
        "service_cidr": config.service_cidr,
        "node_port_range": [30000, 32767],
        "pod_cidr": config.pod_cidr,
    }


def controllers(config: ClusterConfig, paths: ClusterPaths) -> dict[str, Any]:
    return {
        "kubeconfig": str(paths.kubeconfig("controllers")),
        "pod_cidr": config.pod_cidr,
        "service_cidr": config.service_cidr,
        "volumes_dir": str(paths.root / "volumes"),
        "ca_file": str(paths.pki / "ca.crt"),
        "ca_key": str(paths.pki / "ca.key"),
        "service_account_key": str(paths.pki / "sa.key"),
        "node_cidr_mask": 24,
        "node_monitor_grace_seconds": 40,
        "cluster_name": config.profile,
    }


def kubelet(config: ClusterConfig, paths: ClusterPaths, node: Node) -> dict[str, Any]:
    pki = paths.pki
    return {
        "node_name": node.name,
        "kubeconfig": str(paths.kubeconfig(node.component)),
        "root_dir": str(paths.of_node(node.suffix) / "kubelet"),
        "images_dir": str(paths.of_node(node.suffix) / "images"),
        "run_dir": str(paths.of_node(node.suffix) / "run"),
        "runtime": config.runtime,
        "node_ip": node.ip,
        "node_namespace": node.namespace,
        "listen": [[node.ip, config.kubelet_port]],
        "tls_cert": str(pki / f"{node.file('kubelet')}.crt"),
        "tls_key": str(pki / f"{node.file('kubelet')}.key"),
        "client_ca": str(pki / "ca.crt"),
        "pod_cidr": node.pod_cidr,
        "cluster_cidr": config.pod_cidr,
        "service_cidr": config.service_cidr,
        "cluster_dns": config.cluster_dns,
        "cluster_domain": "cluster.local",
        # No profile has an @: another cluster's name cannot be the same.
        "cgroup_root": f"{config.table}@{node.suffix}" if node.suffix else config.table,
        "link_prefix": config.link_prefix,
        "nft_table": config.table,
        "node_port_addresses": list(config.node_port_addresses),
        "max_pods": 110,
        "upstream_dns": [],
        "apiserver_port": config.api_port,
    }


def documents(config: ClusterConfig, paths: ClusterPaths) -> dict[str, dict[str, Any]]:
    """Settings by component."""
    kubelets = {node.component: kubelet(config, paths, node) for node in nodes(config)}
    return {"apiserver": apiserver(config, paths), "controllers": controllers(config, paths), **kubelets}

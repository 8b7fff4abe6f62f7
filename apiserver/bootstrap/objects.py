"""The other objects of a fresh cluster: namespaces, priority classes, the ``kubernetes`` Service, the storage class.

Everything is a function of the settings' values that it takes; nothing is read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339

Document = dict[str, Any]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")

_PRIORITIES = (
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
)


def namespaces() -> Iterator[Document]:
    for name in NAMESPACES:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def priority_classes() -> Iterator[Document]:
    for name, value, description in _PRIORITIES:
        yield {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "description": description,
        }


def storage_class() -> Document:
    """The default class; the controllers provision its volumes as directories of the node."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "knarr.dev/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def service_cidr(cidr: str) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [cidr]},
    }


def first_address(cidr: str) -> str:
    """The ``kubernetes`` Service's: the first address of the range."""
    return str(ipaddress.ip_network(cidr)[1])


def kubernetes_service(*, service_cidr: str, target_port: int) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": first_address(service_cidr),
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": target_port}],
        },
    }


def dns_service(*, service_cidr: str) -> Document:
    """Holds the address of the cluster's DNS, the tenth of the range as everywhere. Every node answers there itself,
    so that the label keeps its proxy away."""
    ports = (("dns", "UDP"), ("dns-tcp", "TCP"))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kube-dns",
            "namespace": "kube-system",
            "labels": {
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
                "service.kubernetes.io/service-proxy-name": "kubelet",
            },
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": str(ipaddress.ip_network(service_cidr)[10]),
            "ports": [{"name": name, "port": 53, "protocol": protocol, "targetPort": 53} for name, protocol in ports],
        },
    }


def kubernetes_endpoints(*, address: str, port: int) -> tuple[Document, Document]:
    """The Endpoints and the EndpointSlice of the ``kubernetes`` Service, which no controller keeps."""
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    metadata = {"name": "kubernetes", "namespace": "default"}
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {**metadata, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": ports,
    }
    return endpoints, endpoint_slice


def authentication_config(client_ca: str, front_proxy_ca: str) -> Document:
    """Where aggregated API servers look up which CA signs clients, and whom they may believe that it asks for another
    (pkg/controlplane/controller/clusterauthenticationtrust). Both are PEM."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {
            "client-ca-file": client_ca,
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-client-ca-file": front_proxy_ca,
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-username-headers": '["X-Remote-User"]',
        },
    }


def cidr_ready(now: datetime) -> Document:
    """The condition of the default ServiceCIDR."""
    return {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": rfc3339(now),
    }

"""The networking.k8s.io group."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer

INGRESS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="Ingress",
    plural="ingresses",
    singular="ingress",
    short_names=("ing",),
    schema="io.k8s.api.networking.v1.Ingress",
    subresources=(STATUS,),
    printer=lazy_printer("networking:INGRESS"),
    set_defaults=lazy("defaults.networking:ingress"),
    validate_create=lazy("validation.networking:ingress_create"),
    validate_update=lazy("validation.networking:ingress_update"),
    validate_status_update=lazy("validation.networking:ingress_status_update"),
)

INGRESS_CLASS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    singular="ingressclass",
    namespaced=False,
    schema="io.k8s.api.networking.v1.IngressClass",
    printer=lazy_printer("networking:INGRESS_CLASS"),
    set_defaults=lazy("defaults.networking:ingress_class"),
    validate_create=lazy("validation.networking:class_create"),
    validate_update=lazy("validation.networking:class_update"),
)

NETWORK_POLICY = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    singular="networkpolicy",
    short_names=("netpol",),
    schema="io.k8s.api.networking.v1.NetworkPolicy",
    printer=lazy_printer("networking:NETWORK_POLICY"),
    set_defaults=lazy("defaults.networking:network_policy"),
    validate_create=lazy("validation.network_policies:create"),
    validate_update=lazy("validation.network_policies:update"),
)

IP_ADDRESS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IPAddress",
    plural="ipaddresses",
    singular="ipaddress",
    namespaced=False,
    short_names=("ip",),
    schema="io.k8s.api.networking.v1.IPAddress",
    generation=False,
    printer=lazy_printer("networking:IP_ADDRESS"),
    validate_create=lazy("validation.networking:ip_address_create"),
    validate_update=lazy("validation.networking:ip_address_update"),
)

SERVICE_CIDR = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    singular="servicecidr",
    namespaced=False,
    schema="io.k8s.api.networking.v1.ServiceCIDR",
    subresources=(STATUS,),
    generation=False,
    printer=lazy_printer("networking:SERVICE_CIDR"),
    validate_create=lazy("validation.networking:service_cidr_create"),
    validate_update=lazy("validation.networking:service_cidr_update"),
)

ALL = (INGRESS_CLASS, INGRESS, IP_ADDRESS, NETWORK_POLICY, SERVICE_CIDR)

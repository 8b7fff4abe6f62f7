"""Roles and who has them."""

from __future__ import annotations

from apimachinery.kinds.kind import Kind
from apimachinery.kinds.lazy import lazy, lazy_printer

ROLE = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="Role",
    plural="roles",
    singular="role",
    schema="io.k8s.api.rbac.v1.Role",
    generation=False,
    create_on_update=True,
    set_defaults=lazy("defaults.rbac:role"),
    validate_create=lazy("validation.rbac:role_create"),
    validate_update=lazy("validation.rbac:role_update"),
)

ROLE_BINDING = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="RoleBinding",
    plural="rolebindings",
    singular="rolebinding",
    schema="io.k8s.api.rbac.v1.RoleBinding",
    generation=False,
    create_on_update=True,
    set_defaults=lazy("defaults.rbac:binding"),
    printer=lazy_printer("rbac:ROLE_BINDING"),
    validate_create=lazy("validation.rbac:binding_create"),
    validate_update=lazy("validation.rbac:binding_update"),
)

CLUSTER_ROLE = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    singular="clusterrole",
    namespaced=False,
    schema="io.k8s.api.rbac.v1.ClusterRole",
    generation=False,
    create_on_update=True,
    set_defaults=lazy("defaults.rbac:role"),
    validate_create=lazy("validation.rbac:cluster_role_create"),
    validate_update=lazy("validation.rbac:cluster_role_update"),
)

CLUSTER_ROLE_BINDING = Kind(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    singular="clusterrolebinding",
    namespaced=False,
    schema="io.k8s.api.rbac.v1.ClusterRoleBinding",
    generation=False,
    create_on_update=True,
    set_defaults=lazy("defaults.rbac:binding"),
    printer=lazy_printer("rbac:CLUSTER_ROLE_BINDING"),
    validate_create=lazy("validation.rbac:cluster_binding_create"),
    validate_update=lazy("validation.rbac:cluster_binding_update"),
)

ALL = (CLUSTER_ROLE_BINDING, CLUSTER_ROLE, ROLE_BINDING, ROLE)

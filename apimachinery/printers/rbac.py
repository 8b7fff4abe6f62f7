"""Bindings. Roles have no printer of their own upstream."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document, Printer
from apimachinery.printers.cells import AGE, NAME, age_of, column, name_of, printer


def binding_cells(obj: Document) -> list[Any]:
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or ()
    accounts = (f"{s.get('namespace') or ''}/{s.get('name')}" for s in subjects if s.get("kind") == "ServiceAccount")
    return [
        name_of(obj),
        f"{role.get('kind')}/{role.get('name')}",
        age_of(obj),
        ", ".join(s.get("name") or "" for s in subjects if s.get("kind") == "User"),
        ", ".join(s.get("name") or "" for s in subjects if s.get("kind") == "Group"),
        ", ".join(accounts),
    ]


def _binding(kind: str, said: str) -> Printer:
    return printer(
        (
            NAME,
            column("Role", f"rbac.v1.{kind}.roleRef"),
            AGE,
            column("Users", f"Users in the {said}", priority=1),
            column("Groups", f"Groups in the {said}", priority=1),
            column("ServiceAccounts", f"ServiceAccounts in the {said}", priority=1),
        ),
        binding_cells,
    )


ROLE_BINDING = _binding("RoleBinding", "roleBinding")
CLUSTER_ROLE_BINDING = _binding("ClusterRoleBinding", "clusterRoleBinding")

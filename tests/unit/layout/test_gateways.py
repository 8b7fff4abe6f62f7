"""Each side effect has one gateway, and what decides does not wait: rules that importing alone cannot show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = ("apimachinery", "apiclient", "apiserver", "controllers", "kubelet", "knarr")
GATEWAYS = {
    "sqlalchemy": ("apiserver/storage/",),
    "pyroute2": ("kubelet/network/",),
    "subprocess": ("kubelet/processes.py", "knarr/processes.py"),
}
PURE = (
    "apimachinery",
    "controllers/certificates",
    "controllers/endpoints",
    "controllers/garbagecollection",
    "controllers/networking",
    "controllers/nodes",
    "controllers/scheduling",
    "controllers/upkeep",
    "controllers/volumes",
    "controllers/workloads",
    "kubelet/network/services/model.py",
    "kubelet/network/services/rules.py",
    "kubelet/pods/plan.py",
    "kubelet/pods/plan_init.py",
    "kubelet/runtime/native/spec.py",
)


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        path = ROOT / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("library", GATEWAYS)
def test_a_library_with_side_effects_is_imported_by_its_gateway_alone(library: str) -> None:
    strangers = [
        file
        for file, tree in sources(*PROGRAMS)
        if library in imported(tree) and not file.startswith(GATEWAYS[library])
    ]
    assert strangers == []


def test_what_decides_contains_no_async() -> None:
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [file for file, tree in sources(*PURE) if any(isinstance(n, waiting) for n in ast.walk(tree))]
    assert found == []


def test_nothing_happens_when_a_reconciler_is_imported() -> None:
    """No decorator registers anything: what there is stands in lists."""
    calls = [
        f"{file}:{node.lineno}"
        for file, tree in sources("controllers/workloads", "controllers/scheduling", "controllers/volumes")
        for node in tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert calls == []

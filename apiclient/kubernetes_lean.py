"""The three modules of the ``kubernetes`` package that this client needs, without the other 440.

``import kubernetes.aio.client.rest`` runs the ``__init__`` of ``kubernetes``, ``kubernetes.aio`` and
``kubernetes.aio.utils`` first, and these import every subpackage: the synchronous client with requests and urllib3,
pydantic, jsonschema, the YAML helpers. Measured on CPython 3.11: 0.17 s and 23 MB on top of aiohttp in each process.
``kubernetes/aio/client/__init__`` itself is lazy. So the three eager packages are put into ``sys.modules`` as packages
that import a subpackage when it is first asked for: everything stays reachable under its name
(``kubernetes.client.V1Pod``), and what is not asked for costs nothing: 4 ms and 0.7 MB are left.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
from typing import Any

_EAGER = ("kubernetes.aio", "kubernetes.aio.utils")


def load() -> tuple[Any, Any]:
    """``(Configuration, RESTClientObject)`` of kubernetes.aio.client."""
    ensure_lazy_packages()
    configuration = importlib.import_module("kubernetes.aio.client.configuration")
    rest = importlib.import_module("kubernetes.aio.client.rest")
    return configuration.Configuration, rest.RESTClientObject


def ensure_lazy_packages() -> None:
    """Idempotent; does nothing where someone imported ``kubernetes`` the ordinary way before."""
    if "kubernetes" in sys.modules:
        return
    spec = importlib.util.find_spec("kubernetes")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("the kubernetes package is not installed", name="kubernetes")
    _put("kubernetes", list(spec.submodule_search_locations))
    for name in _EAGER:
        parent, _, last = name.rpartition(".")
        _put(name, [os.path.join(path, last) for path in sys.modules[parent].__path__])


def _put(name: str, path: list[str]) -> None:
    package = types.ModuleType(name, "A package whose subpackages are imported when they are first asked for.")
    package.__path__ = path
    package.__package__ = name

    def load_on_demand(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        try:
            return importlib.import_module(f"{name}.{attribute}")
        except ModuleNotFoundError as error:
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}") from error

    package.__getattr__ = load_on_demand  # type: ignore[method-assign]
    sys.modules[name] = package
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, package)

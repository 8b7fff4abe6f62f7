"""References that are imported when first used, because every process imports the kinds but few use all of a kind.

``reference`` is ``module:name`` below apimachinery, as in ``defaults.pods:pod``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from apimachinery.kinds.kind import Printer


def resolve(reference: str) -> Any:
    """What a reference names. Raises ImportError or AttributeError if there is no such thing."""
    module, _, name = reference.partition(":")
    return getattr(import_module(f"apimachinery.{module}"), name)


def lazy(reference: str) -> Callable[..., Any]:
    """A function that behaves as the one referred to."""
    found: Callable[..., Any] | None = None

    def call(*args: Any) -> Any:
        nonlocal found
        if found is None:
            found = resolve(reference)
        return found(*args)

    call.reference = reference  # type: ignore[attr-defined]
    return call


class _Deferred:
    """Stands in for a printer; takes over its attributes at the first use of one."""

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def __getattr__(self, name: str) -> Any:
        if name not in ("columns", "cells", "conditions", "row"):
            raise AttributeError(name)
        printer = resolve(self.reference)
        for each in ("columns", "cells", "conditions", "row"):
            setattr(self, each, getattr(printer, each))
        return getattr(self, name)


def lazy_printer(reference: str) -> Printer:
    """A printer, as in ``pods:POD`` below apimachinery.printers."""
    return cast("Printer", _Deferred(f"printers.{reference}"))

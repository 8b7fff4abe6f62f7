"""What is said of the finalizers that somebody gives a custom resource, which may be called anything."""

from __future__ import annotations

from collections.abc import Iterable

from apimachinery import names

_STANDARD = ("orphan", "foregroundDeletion", "kubernetes")


def finalizer_warnings(new: Iterable[str], old: Iterable[str]) -> list[str]:
    """Of those that are new. Source: apiextensions-apiserver/pkg/registry/customresource/validator.go."""
    found: list[str] = []
    for name in sorted({*new} - {*old}):
        found += [f'metadata.finalizers: "{name}": {message}' for message in names.is_qualified_name(name)]
        if "/" in name or name in _STANDARD:
            continue
        including = " including a path (/)" if "." in name else ""
        advice = f"prefer a domain-qualified finalizer name{including} to avoid accidental conflicts"
        found.append(f'metadata.finalizers: "{name}": {advice} with other finalizer writers')
    return found

"""Paths inside of volumes and hosts."""

from __future__ import annotations

from apimachinery.fielderrors import invalid, required
from apimachinery.validation.basics import Document, Errors, objects

MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_MOST = 0o777


def no_backsteps(path: str, target: str) -> Errors:
    return [invalid(path, target, "must not contain '..'")] if ".." in target.split("/") else []


def descending(path: str, target: str) -> Errors:
    """A relative path that stays below."""
    errors = [invalid(path, target, "must be a relative path")] if target.startswith("/") else []
    return errors + no_backsteps(path, target)


def not_reserved(path: str, target: str) -> Errors:
    """Descending, and not among the names that volumes keep for themselves (``..data``)."""
    errors = descending(path, target)
    if target.startswith("..") and not target.startswith("../") and target != "..":
        errors.append(invalid(path, target, "must not start with '..'"))
    return errors


def mode(path: str, value: int | None) -> Errors:
    return [invalid(path, value, MODE)] if value is not None and not 0 <= value <= _MOST else []


def keys_to_paths(path: str, source: Document) -> Errors:
    """The ``items`` of a secret or config map."""
    errors: Errors = []
    for index, item in enumerate(objects(source, "items")):
        where, target = f"{path}.items[{index}]", item.get("path") or ""
        if not item.get("key"):
            errors.append(required(f"{where}.key"))
        if not target:
            errors.append(required(f"{where}.path"))
        errors += not_reserved(f"{where}.path", target) + mode(f"{where}.mode", item.get("mode"))
    return errors

"""Annotations of pods that carry meaning of their own."""

from __future__ import annotations

import re
from typing import Any

from apimachinery.fielderrors import forbidden, invalid
from apimachinery.validation import files
from apimachinery.validation.basics import Document, Errors, key_path
from apimachinery.validation.containers import visit

MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_INT32 = re.compile(r"0|-?[0-9]+")


def pod_annotations(path: str, annotations: dict[str, str], spec: Document) -> Errors:
    errors: Errors = []
    if not annotations:
        return errors
    mirror = annotations.get(MIRROR)
    if mirror is not None and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(key_path(path, MIRROR), mirror, detail))
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not _is_int32(cost):
        errors.append(invalid(key_path(path, _DELETION_COST), cost, "must be a 32bit integer"))
    for key, value in annotations.items():
        if key == _SECCOMP_POD or key.startswith(_SECCOMP_CONTAINER):
            errors += _seccomp_name(f"{path}.{key}", value)
        elif key.startswith(_APP_ARMOR):
            errors += _app_armor(path, key, value, spec)
    return errors


def _is_int32(text: str) -> bool:
    if not _INT32.fullmatch(text) or (text[0] == "0" and text != "0"):
        return False
    return -(2**31) <= int(text) < 2**31


def _seccomp_name(path: str, profile: str) -> Errors:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return []
    if profile.startswith("localhost/"):
        return files.descending(path, profile.removeprefix("localhost/"))
    return [invalid(path, profile, "must be a valid seccomp profile")]


def _app_armor(path: str, key: str, profile: str, spec: Document) -> Errors:
    container = key.removeprefix(_APP_ARMOR)
    errors: Errors = []
    if all(c.get("name") != container for _, c in visit(spec, "")):
        errors.append(invalid(key_path(path, key), container, "container not found"))
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
        errors.append(invalid(key_path(path, key), profile, f'invalid AppArmor profile name: "{profile}"'))
    return errors


def pod_annotations_update(path: str, new: dict[str, str], old: dict[str, str]) -> Errors:
    errors: Errors = []
    for key, value in old.items():
        if new.get(key) == value:
            continue
        if key.startswith(_APP_ARMOR):
            errors.append(forbidden(key_path(path, key), "may not remove or update AppArmor annotations"))
        if key == MIRROR:
            errors.append(forbidden(key_path(path, key), "may not remove or update mirror pod annotation"))
    for key in new:
        if key not in old and key.startswith(_APP_ARMOR):
            errors.append(forbidden(key_path(path, key), "may not add AppArmor annotations"))
        if key not in old and key == MIRROR:
            errors.append(forbidden(key_path(path, key), "may not add mirror pod annotation"))
    return errors


def matching_profiles(path: str, annotations: dict[str, str], spec: Document) -> Errors:
    """Where a profile is both annotated and set, the two agree. ``path`` is the spec's."""
    if not annotations:
        return []
    context = spec.get("securityContext") or {}
    where = f"{path}.securityContext.seccompProfile"
    errors = _matches(where, annotations.get(_SECCOMP_POD), context.get("seccompProfile"), "seccomp")
    for place, container in visit(spec, path):
        own = container.get("securityContext") or {}
        annotated = annotations.get(_SECCOMP_CONTAINER + (container.get("name") or ""))
        errors += _matches(f"{place}.securityContext.seccompProfile", annotated, own.get("seccompProfile"), "seccomp")
        annotated = annotations.get(_APP_ARMOR + (container.get("name") or ""))
        profile = own.get("appArmorProfile") or context.get("appArmorProfile")
        errors += _matches(f"{place}.securityContext.appArmorProfile", annotated, profile, "apparmor")
    return errors


_ANNOTATED = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}


def _matches(path: str, annotated: str | None, profile: dict[str, Any] | None, what: str) -> Errors:
    if annotated is None or profile is None:
        return []
    kind = profile.get("type")
    if kind == "Localhost" and annotated.startswith("localhost/"):
        if annotated.removeprefix("localhost/") == profile.get("localhostProfile"):
            return []
        return [forbidden(f"{path}.localhostProfile", f"{what} profile in annotation and field must match")]
    if kind != "Localhost" and annotated in _ANNOTATED.get(kind or "", (annotated,)):
        return []
    return [forbidden(f"{path}.type", f"{what} type in annotation and field must match")]

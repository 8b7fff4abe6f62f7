"""What a container mounts of its pod's volumes."""

from __future__ import annotations

from apimachinery.fielderrors import forbidden, invalid, not_found, required
from apimachinery.validation import files
from apimachinery.validation.basics import Document, Errors, objects, one_of

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")


def mounts(path: str, container: Document, volumes: dict[str, Document]) -> Errors:
    """``volumes``: the sound ones by name."""
    taken = {d.get("name"): d.get("devicePath") for d in objects(container, "volumeDevices")}
    errors: Errors = []
    seen: set[str] = set()
    for index, mount in enumerate(objects(container, "volumeMounts")):
        where = f"{path}.volumeMounts[{index}]"
        name, target = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        if name not in volumes:
            errors.append(not_found(f"{where}.name", name))
        if not target:
            errors.append(required(f"{where}.mountPath"))
        if target in seen:
            errors.append(invalid(f"{where}.mountPath", target, "must be unique"))
        seen.add(target)
        if name in taken:
            errors.append(invalid(f"{where}.name", name, "must not already exist in volumeDevices"))
        if target in taken.values():
            detail = "must not already exist as a path in volumeDevices"
            errors.append(invalid(f"{where}.mountPath", target, detail))
        errors += _sub_paths(path, where, mount) + _propagation(f"{path}.volumeMounts", mount, container)
    return errors


def _sub_paths(path: str, where: str, mount: Document) -> Errors:
    """Upstream's path lacks the index here."""
    plain, expanded = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    errors = files.descending(f"{path}.volumeMounts.subPath", plain) if plain else []
    if expanded and plain:
        detail = "subPathExpr and subPath are mutually exclusive"
        errors.append(invalid(f"{where}.subPathExpr", expanded, detail))
    if expanded:
        errors += files.descending(f"{path}.volumeMounts.subPathExpr", expanded)
    return errors


def _propagation(path: str, mount: Document, container: Document) -> Errors:
    propagation, recursive = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    errors: Errors = []
    if propagation is not None:
        errors += one_of(f"{path}.mountPropagation", propagation, _PROPAGATIONS)
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            detail = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(forbidden(f"{path}.mountPropagation", detail))
    if recursive in ("Enabled", "IfPossible"):
        where = f"{path}.recursiveReadOnly"
        if not mount.get("readOnly"):
            errors.append(forbidden(where, "may only be specified when readOnly is true"))
        if propagation not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            errors.append(forbidden(where, detail))
    elif recursive is not None:
        allowed = ("Disabled", "Enabled", "IfPossible")
        errors += one_of(f"{path}.recursiveReadOnly", recursive, allowed)
    return errors


def devices(path: str, container: Document, volumes: dict[str, Document]) -> Errors:
    taken = {m.get("name"): m.get("mountPath") for m in objects(container, "volumeMounts")}
    errors: Errors = []
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(objects(container, "volumeDevices")):
        where = f"{path}.volumeDevices[{index}]"
        name, target = device.get("name") or "", device.get("devicePath") or ""
        errors += _device_name(f"{where}.name", name, names, volumes)
        if not target:
            errors.append(required(f"{where}.devicePath"))
        if target in paths:
            errors.append(invalid(f"{where}.devicePath", target, "must be unique"))
        if ".." in target.split("/"):
            errors.append(invalid(f"{where}.devicePath", target, "can not contain backsteps ('..')"))
        else:
            paths.add(target)
        if name in taken:
            errors.append(invalid(f"{where}.name", name, "must not already exist in volumeMounts"))
        if target in taken.values():
            detail = "must not already exist as a path in volumeMounts"
            errors.append(invalid(f"{where}.devicePath", target, detail))
        names.add(name)
    return errors


def _device_name(path: str, name: str, seen: set[str], volumes: dict[str, Document]) -> Errors:
    errors = [] if name else [required(path)]
    if name and name in seen:
        errors.append(invalid(path, name, "must be unique"))
    volume = volumes.get(name)
    if volume is None:
        errors.append(not_found(path, name))
    elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        errors.append(invalid(path, name, detail))
    return errors

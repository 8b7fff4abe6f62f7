"""A container's bundle: its root file system mounted and its config.json written. Blocks: for a thread of its own."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import orjson

from kubelet.runtime.api import CreateContainerError, Image
from kubelet.runtime.native import host, image_mounts, overlay, records, sandboxes, spec, users
from kubelet.runtime.native.state import Container, Sandbox, World


def prepare(world: World, container: Container, image: Image, target_pid: int) -> None:
    """``target_pid`` is of the container whose processes it is to see, or 0. Raises CreateContainerError, OSError."""
    paths, config, sandbox = container.paths, container.record.config, container.sandbox
    paths.root.mkdir(mode=0o700)
    records.save(paths.record, container.record)
    overlay.mount(paths, world.images.layers_root, world.images.lower(image.id))
    settings = image.config.get("config") or {}
    if container.log_path:
        os.makedirs(os.path.dirname(container.log_path), exist_ok=True)
    for mount in config.mounts:
        if not mount.image and not os.path.lexists(mount.host_path):
            os.makedirs(mount.host_path, exist_ok=True)
    mounts = image_mounts.prepare(paths, config.mounts, layers_root=world.images.layers_root, layers=world.images.lower)
    user = users.resolve(settings.get("User") or "", config.security, users.read(paths.rootfs))
    container.record.user = user
    document = spec.config(
        sandbox=sandbox.config,
        container=dataclasses.replace(config, mounts=mounts),
        image=settings,
        user=user,
        namespaces=_namespaces(sandbox, target_pid),
        sandbox_mounts=sandboxes.mounts(sandbox.paths, sandbox.config),
        devices=host.devices(config.devices),
        cgroup_path=world.cgroups.oci_path(container.cgroup),
        host=world.host,
        seccomp_profile=_seccomp(world, config.security.seccomp),
    )
    container.new_filter = world.filters.give(document)
    records.save(paths.record, container.record)
    records.write(paths.config, orjson.dumps(document))


def _namespaces(sandbox: Sandbox, target_pid: int) -> spec.Namespaces:
    return sandboxes.namespaces(
        sandbox.paths, sandbox.config, pause_pid=sandbox.record.pause_pid, target_pid=target_pid
    )


def _seccomp(world: World, wanted: str) -> dict[str, Any] | None:
    if not wanted.startswith("Localhost:"):
        return None
    name = wanted.removeprefix("Localhost:")
    path = Path(name if name.startswith("/") else f"{world.seccomp_root}/{name}")
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CreateContainerError(f"cannot load seccomp profile {str(path)!r}: {error}") from error

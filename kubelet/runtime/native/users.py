"""Who a container's process is: what the image and the pod say, looked up in the image's own passwd and group files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.api import CreateContainerError, SecurityContext, User

_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Accounts:
    """Lines of passwd as (name, uid, gid), of group as (name, gid, members)."""

    users: tuple[tuple[str, int, int], ...] = ()
    groups: tuple[tuple[str, int, tuple[str, ...]], ...] = ()


def resolve(image_user: str, security: SecurityContext, accounts: Accounts) -> User:
    """``image_user`` is the image config's User: ``name``, ``uid``, ``name:group``, ``uid:gid`` or empty.
    Raises CreateContainerError when a name isn't known to the image."""
    wanted_user, _, wanted_group = image_user.partition(":")
    if security.run_as_user is not None:
        # A user given by the pod also sets aside the image's group, as the CRI has it.
        wanted_user, wanted_group = str(security.run_as_user), ""
    elif security.run_as_user_name:
        wanted_user, wanted_group = security.run_as_user_name, ""
    name, uid, gid = _user(wanted_user or "0", accounts)
    if wanted_group:
        gid = _group(wanted_group, accounts)
    if security.run_as_group is not None:
        gid = security.run_as_group
    extra = list(security.supplemental_groups)
    if security.fs_group is not None:
        extra.append(security.fs_group)
    if security.supplemental_groups_policy == "Merge":
        extra.extend(g for _, g, members in accounts.groups if name and name in members)
    return User(uid, gid, tuple(dict.fromkeys([gid, *extra])))


def parse(passwd: str, group: str) -> Accounts:
    """Lines that make no sense are passed over, as libc does."""
    users = []
    for fields in (line.split(":") for line in passwd.splitlines()):
        if len(fields) >= 4 and fields[2].isdigit() and fields[3].isdigit():
            users.append((fields[0], int(fields[2]), int(fields[3])))
    groups = []
    for fields in (line.split(":") for line in group.splitlines()):
        if len(fields) >= 4 and fields[2].isdigit():
            groups.append((fields[0], int(fields[2]), tuple(m for m in fields[3].split(",") if m)))
    return Accounts(tuple(users), tuple(groups))


def read(rootfs: Path) -> Accounts:
    """From a mounted root file system; a link in it can't lead out of it. Missing files are empty ones."""
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return parse(_text(root, "etc/passwd"), _text(root, "etc/group"))
    finally:
        os.close(root)


def _text(root: int, name: str) -> str:
    try:
        # Non-blocking: an image may have put a fifo there.
        fd = kernel.openat2(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=root, resolve=kernel.RESOLVE_IN_ROOT)
    except OSError:
        return ""
    with open(fd, "rb") as file:
        return file.read(_LIMIT).decode(errors="replace")


def _user(wanted: str, accounts: Accounts) -> tuple[str, int, int]:
    for name, uid, gid in accounts.users:
        if name == wanted or (wanted.isdigit() and uid == int(wanted)):
            return name, uid, gid
    if wanted.isdigit():
        return "", int(wanted), 0
    raise CreateContainerError(f"unable to find user {wanted}: no matching entries in passwd file")


def _group(wanted: str, accounts: Accounts) -> int:
    for name, gid, _ in accounts.groups:
        if name == wanted:
            return gid
    if wanted.isdigit():
        return int(wanted)
    raise CreateContainerError(f"unable to find group {wanted}: no matching entries in group file")

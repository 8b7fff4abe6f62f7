"""Files that change all at once, as upstream's atomic writer: a new folder of the time, and ``..data`` renamed to it.

What a container reads through ``key -> ..data/key`` is always of one version, even while it is replaced.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kubelet.volumes.mounter import Mounter

DATA, DRAFT = "..data", "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int
    uid: int = -1
    """-1: the kubelet's own."""


Payload = Mapping[str, File]
"""Relative path, as ``validate_path`` allows it, to file."""


def validate_path(path: str) -> str | None:
    """What is wrong with a path of a payload, or None."""
    if not path:
        return "invalid path: must not be empty"
    if path.startswith("/"):
        return f"invalid path: must be relative path: {path}"
    if ".." in path.split("/"):
        return f"invalid path: must not contain '..': {path}"
    if path.startswith(".."):
        return f"invalid path: must not start with '..': {path}"
    return None


def write(target: Path, payload: Payload, now: datetime, mounter: Mounter, *, gid: int = -1) -> bool:
    """Whether anything had to change. ``gid`` is the fsGroup: it may read everything."""
    if _is_current(target, payload):
        return False
    target.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=now.strftime("..%Y_%m_%d_%H_%M_%S."), dir=target))
    folder.chmod(0o755)
    for name, file in payload.items():
        _write_file(folder, name, file, mounter, gid)
    _own_folders(target, folder, mounter, gid)
    old = _current(target)
    draft = target / DRAFT
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder.name)
    draft.rename(target / DATA)
    _link(target, payload)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _is_current(target: Path, payload: Payload) -> bool:
    folder = _current(target)
    if folder is None:
        return False
    found = {os.path.relpath(os.path.join(base, f), folder) for base, _, files in os.walk(folder) for f in files}
    if found != set(payload):
        return False
    return all((folder / name).read_bytes() == file.content for name, file in payload.items())


def _current(target: Path) -> Path | None:
    try:
        return target / os.readlink(target / DATA)
    except OSError:
        return None


def _write_file(folder: Path, name: str, file: File, mounter: Mounter, gid: int) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    path.chmod(file.mode | (0o440 if gid >= 0 else 0))
    if file.uid >= 0 or gid >= 0:
        mounter.own(path, file.uid, gid)


def _own_folders(target: Path, folder: Path, mounter: Mounter, gid: int) -> None:
    if gid < 0:
        return
    for base, _, _ in os.walk(folder):
        mounter.own(Path(base), -1, gid)
        os.chmod(base, 0o2755)
    mounter.own(target, -1, gid)
    target.chmod(0o2777)


def _link(target: Path, payload: Payload) -> None:
    """What people see at the top leads into ``..data``; what is no longer there goes."""
    wanted = {name.split("/", 1)[0] for name in payload}
    for name in wanted:
        link = target / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for entry in os.scandir(target):
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in wanted:
            os.unlink(entry.path)

"""How much of a disk folders take. Blocking: for a thread."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK = 512
"""Bytes of st_blocks' unit."""


def usage(folder: str | Path) -> int:
    """Bytes allocated below; a file with several names counts once. Follows no symbolic link, leaves no file system."""
    try:
        device = os.lstat(folder).st_dev
    except FileNotFoundError:
        return 0
    total, seen = 0, set()
    for base, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                status = os.lstat(os.path.join(base, name))
            except FileNotFoundError:
                continue
            if status.st_dev != device:
                continue
            if status.st_nlink > 1 and (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * _BLOCK
        folders[:] = [f for f in folders if _same(os.path.join(base, f), device)]
    return total


def _same(path: str, device: int) -> bool:
    try:
        return os.lstat(path).st_dev == device
    except FileNotFoundError:
        return False

"""hostPath volumes: the type check, and what DirectoryOrCreate and FileOrCreate make."""

from __future__ import annotations

import stat
from pathlib import Path

from kubelet.volumes.problems import VolumeProblem

_CHECKS = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def check(path: str, kind: str) -> None:
    """``kind`` is hostPath.type; "" checks nothing. Raises VolumeProblem."""
    if not kind:
        return
    if kind not in _CHECKS:
        raise VolumeProblem(f"{kind} is an invalid volume type")
    place = Path(path)
    if not place.exists():
        _create(place, kind)
    predicate, words = _CHECKS[kind]
    try:
        fits = predicate(place.stat().st_mode)
    except OSError:
        fits = False
    if not fits:
        raise VolumeProblem(f"hostPath type check failed: {path} is not {words}")


def _create(place: Path, kind: str) -> None:
    try:
        if kind == "DirectoryOrCreate":
            place.mkdir(parents=True, mode=0o755)
        elif kind == "FileOrCreate":
            place.touch(mode=0o644)
    except OSError as error:
        raise VolumeProblem(f"cannot create {place}: {error.strerror}") from error

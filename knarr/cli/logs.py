"""``knarr logs``: the last lines of the components' logs, and what is added to them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from knarr.errors import ProfileNotFound, Usage
from knarr.paths import COMPONENTS, ClusterPaths

NAMES = ("supervisor", *COMPONENTS)
POLL_SECONDS = 0.2


def show(profile: str, component: str | None, *, follow: bool, lines: int) -> None:
    """Print to stdout; with several logs each block has a head, and followed lines bear the component's name."""
    paths = ClusterPaths.of(profile)
    if not paths.root.is_dir():
        raise ProfileNotFound(f"there is no cluster {profile}", f"knarr start -p {profile}")
    further = sorted(log.stem for log in paths.log("kubelet").parent.glob("kubelet-*.log"))
    names = (*NAMES, *further)
    if component is not None and component not in names:
        raise Usage(f'there is no component "{component}"', f"choose one of {', '.join(names)}")
    logs = {name: paths.log(name) for name in ([component] if component else names)}
    offsets = {name: _print_last(name, path, lines, head=len(logs) > 1) for name, path in logs.items()}
    while follow:
        time.sleep(POLL_SECONDS)
        for name, path in logs.items():
            offsets[name] = _print_added(name, path, offsets[name], label=len(logs) > 1)


def _print_last(name: str, path: Path, lines: int, *, head: bool) -> int:
    data = path.read_bytes() if path.exists() else b""
    if head:
        sys.stdout.write(f"==> {name} <==\n")
    chosen = data.decode(errors="replace").splitlines()[-lines:] if lines else []
    for line in chosen:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return len(data)


def _print_added(name: str, path: Path, offset: int, *, label: bool) -> int:
    size = path.stat().st_size if path.exists() else 0
    if size < offset:
        offset = 0  # it was rotated
    if size == offset:
        return offset
    with open(path, "rb") as log:
        log.seek(offset)
        data = log.read()
    whole = data.rpartition(b"\n")[0] + b"\n" if b"\n" in data else b""
    for line in whole.decode(errors="replace").splitlines():
        sys.stdout.write(f"{name}: {line}\n" if label else line + "\n")
    sys.stdout.flush()
    return offset + len(whole)

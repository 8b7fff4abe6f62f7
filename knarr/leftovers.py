"""What a cluster left on the machine: what ``knarr delete --prove`` lists. Looks, removes nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

from knarr import host
from knarr.config import link_prefix
from knarr.paths import home, profiles

_LINK = re.compile(r"kn[0-9a-f]{4}-")
"""The prefix of every link and namespace that a cluster makes (config.link_prefix)."""


def find(only: str | None = None, prefix: str | None = None) -> list[str]:
    """``kind name`` of everything that bears our names; with ``only`` and ``prefix`` those of one cluster."""
    if only and not prefix:
        # Of a cluster whose file is gone, or never was: what another one has is not its.
        prefix = link_prefix(only, str(home()))
    mine = f"{prefix}-" if prefix else None
    found = [f"directory {home() / p}" for p in profiles() if only in (None, p)]
    found += [f"link {n}" for n in _names("/sys/class/net") if _ours(n, mine)]
    found += [f"namespace {n}" for n in _names("/run/netns") if _ours(n, mine)]
    found += [f"cgroup {c}" for c in _cgroups(only)]
    found += [f"mount {m}" for m in _mounts(only)]
    found += [f"process {p}" for p in _processes(only)]
    found += [f"nft table {t}" for t in _tables(only)]
    return found


def _ours(name: str, mine: str | None) -> bool:
    return name.startswith(mine) if mine else bool(_LINK.match(name))


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _cgroups(only: str | None) -> list[str]:
    root = Path("/sys/fs/cgroup")
    # Further nodes' groups bear an @, which no profile has.
    patterns = (f"knarr-{only}", f"knarr-{only}@*") if only else ("knarr-*",)
    found = (p for depth in ("", "*/") for pattern in patterns for p in root.glob(depth + pattern))
    return sorted(str(p) for p in found if p.is_dir())


def _mounts(only: str | None) -> list[str]:
    below = str(home() / only) + "/" if only else str(home()) + "/"
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted(p for p in points if (p + "/").startswith(below))


def _processes(only: str | None) -> list[str]:
    below = str(home() / only) + "/" if only else str(home()) + "/"
    found = []
    for entry in sorted(_names("/proc")):
        if entry.isdigit() and int(entry) != os.getpid():
            command = host.command_line(int(entry))
            ended = f"({only})" if only else "("
            if below in command or (command.startswith("knarr ") and ended in command):
                found.append(f"{entry} {command[:100]}")
    return found


def _tables(only: str | None) -> list[str]:
    """Our nft tables; [] where there is no nft or it may not look (then there can be none of ours either)."""
    from knarr.processes import run

    if os.geteuid() != 0:
        return []
    try:
        code, output = run(["nft", "list", "tables"], timeout=10)
    except FileNotFoundError:
        return []
    names = [line.split()[-1] for line in output.splitlines() if code == 0 and line.startswith("table ")]
    return [n for n in names if n == f"knarr-{only}" or (only is None and n.startswith("knarr-"))]

"""What the host says: who runs, who listens, which routes and programs there are. Reads only."""

from __future__ import annotations

import os
import shutil
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NATIVE_PROGRAMS = {"crun": "crun", "conmon": "conmon", "nft": "nftables", "skopeo": "skopeo"}
"""Program -> Debian package, for the native runtime."""

_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Process:
    """``started`` is in clock ticks since boot: with the pid and the boot it names a process for ever."""

    pid: int
    started: int


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def process(pid: int) -> Process | None:
    """None when no such process runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name may hold spaces and parentheses; the fields after the last one are plain.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[19]))


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def missing_programs() -> list[str]:
    """Debian packages that the native runtime needs and PATH does not have, sorted."""
    return sorted(p for program, p in NATIVE_PROGRAMS.items() if shutil.which(program) is None)


def port_is_free(port: int) -> bool:
    """Whether we could listen on loopback and, later, on the node's address: nobody listens on the port anywhere."""
    return not any(True for _ in _listening_inodes(port))


def port_owner(port: int) -> str:
    """``nginx (pid 812)``, or ``another process`` where /proc will not tell us."""
    inodes = {f"socket:[{i}]" for i in _listening_inodes(port)}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _holds(entry, inodes):
            name = (entry / "comm").read_text().strip()
            return f"{name} (pid {entry.name})"
    return "another process"


def _holds(entry: Path, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(fd) in sockets for fd in (entry / "fd").iterdir())
    except OSError:
        # It ended while we looked, or belongs to somebody whose files we may not see.
        return False


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def routes() -> list[str]:
    """IPv4 destinations of the main table but the default route, as ``10.0.0.0/8``."""
    found = []
    try:
        lines = Path("/proc/net/route").read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    for line in lines:
        fields = line.split()
        address, mask = (struct.pack("<I", int(fields[i], 16)) for i in (1, 7))
        length = int.from_bytes(mask, "big").bit_count()
        if length:
            found.append(f"{socket.inet_ntoa(address)}/{length}")
    return found

"""What the node has left, and when that is too little. Pure but for ``read``.

Source: pkg/kubelet/eviction/defaults_linux.go. Its share of a disk (10 %) is capped at 1 GiB here: on a machine that
people also use for other things a disk that is 90 % full is no emergency.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

MEMORY, DISK = "memory", "ephemeral-storage"
MEMORY_BYTES = 100 * 1024 * 1024
DISK_SHARE, DISK_BYTES = 0.10, 1024**3
INODE_SHARE = 0.05
GC_SHARES, GC_BYTES = (0.15, 0.20), (2 * 1024**3, 3 * 1024**3)
"""When unused images go, and how much is to be free then."""
TRANSITION = timedelta(minutes=5)
"""How long a condition stays after it was last so: else it would come and go with every eviction."""
CONDITIONS = {MEMORY: "MemoryPressure", DISK: "DiskPressure"}


@dataclass(frozen=True, slots=True)
class Signals:
    """Bytes and inodes."""

    memory_available: int
    disk_available: int
    disk_capacity: int
    inodes_free: int = 1
    inodes: int = 0
    """0 where the file system makes them as it needs them."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """``resource`` is what is short; quantities in bytes, or a count where ``inodes``."""

    resource: str
    threshold: int
    available: int
    inodes: bool = False


def read(root_dir: str) -> Signals:
    """``root_dir`` is on the disk that pods and images are on."""
    disk = os.statvfs(root_dir)
    return Signals(
        memory_available=memory_available(Path("/proc/meminfo").read_text()),
        disk_available=disk.f_bavail * disk.f_frsize,
        disk_capacity=disk.f_blocks * disk.f_frsize,
        inodes_free=disk.f_favail,
        inodes=disk.f_files,
    )


def memory_available(meminfo: str) -> int:
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ValueError("/proc/meminfo has no MemAvailable")


def shortages(signals: Signals) -> list[Shortage]:
    """Memory first: it kills faster."""
    found = []
    if signals.memory_available < MEMORY_BYTES:
        found.append(Shortage(MEMORY, MEMORY_BYTES, signals.memory_available))
    least = share(signals.disk_capacity, DISK_SHARE, DISK_BYTES)
    if signals.disk_available < least:
        found.append(Shortage(DISK, least, signals.disk_available))
    elif signals.inodes and signals.inodes_free < int(signals.inodes * INODE_SHARE):
        found.append(Shortage(DISK, int(signals.inodes * INODE_SHARE), signals.inodes_free, inodes=True))
    return found


def images_to_free(signals: Signals) -> int:
    """Bytes that unused images should make free now."""
    if signals.disk_available >= share(signals.disk_capacity, GC_SHARES[0], GC_BYTES[0]):
        return 0
    return share(signals.disk_capacity, GC_SHARES[1], GC_BYTES[1]) - signals.disk_available


def share(capacity: int, part: float, most: int) -> int:
    return min(int(capacity * part), most)


class Conditions:
    """Which conditions the node has, given when each was last seen."""

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}

    def observe(self, short: Iterable[Shortage], now: datetime) -> frozenset[str]:
        for shortage in short:
            self._seen[CONDITIONS[shortage.resource]] = now
        return frozenset(kind for kind, last in self._seen.items() if now - last < TRANSITION)

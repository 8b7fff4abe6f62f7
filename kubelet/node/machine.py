"""Facts about the machine, read once where they don't change."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HUGE_PAGES = Path("/sys/kernel/mm/hugepages")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "ppc64le": "ppc64le"}


@dataclass(frozen=True, slots=True)
class Machine:
    """Sizes in bytes."""

    cpus: int
    memory: int
    disk: int
    architecture: str
    kernel: str
    os_image: str
    machine_id: str
    system_uuid: str
    boot_id: str
    swap: int = 0
    hugepages: Mapping[str, int] = field(default_factory=dict)
    """Bytes of preallocated pages by their size: ``2Mi``."""


def read(root_dir: str) -> Machine:
    """``root_dir`` is on the disk that pods write to."""
    memory = _meminfo()
    disk = os.statvfs(root_dir)
    machine_id = _text("/etc/machine-id")
    return Machine(
        cpus=os.cpu_count() or 1,
        memory=memory.get("MemTotal", 0),
        disk=disk.f_blocks * disk.f_frsize,
        architecture=ARCHITECTURES.get(platform.machine(), platform.machine()),
        kernel=platform.release(),
        os_image=_os_image(),
        machine_id=machine_id,
        system_uuid=_text("/sys/class/dmi/id/product_uuid") or machine_id,
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        swap=memory.get("SwapTotal", 0),
        hugepages=huge_pages(HUGE_PAGES),
    )


def huge_pages(folder: Path) -> dict[str, int]:
    """``folder`` has one of its own for each size: ``hugepages-2048kB``."""
    found = {}
    for place in sorted(folder.glob("hugepages-*kB")):
        size = int(place.name.removeprefix("hugepages-").removesuffix("kB"))
        unit = next((u for u, kib in (("Gi", 1 << 20), ("Mi", 1 << 10)) if size % kib == 0), "Ki")
        number = size // {"Gi": 1 << 20, "Mi": 1 << 10, "Ki": 1}[unit]
        found[f"{number}{unit}"] = int(_text(str(place / "nr_hugepages")) or 0) * size * 1024
    return found


def _meminfo() -> dict[str, int]:
    found = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB":
            found[name] = int(words[0]) * 1024
    return found


def _os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return " ".join(shlex.split(line.partition("=")[2]))
    return "Linux"


def _text(path: str) -> str:
    """ "" where it isn't there or not for us to read."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""

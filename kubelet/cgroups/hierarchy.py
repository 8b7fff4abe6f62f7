"""What is mounted where: cgroup v1, v2, or both side by side (hybrid), read from ``/proc/self/mountinfo``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
V1_FLAGS = frozenset({"rw", "ro", "xattr", "noprefix", "clone_children", "all", "none"})


class Version(StrEnum):
    V1 = "v1"
    V2 = "v2"
    HYBRID = "hybrid"
    """v1 hierarchies with controllers, and a v2 tree beside them whose controllers we leave alone."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    version: Version
    controllers: Mapping[str, Path]
    """Where each controller's tree is mounted. v2 has one entry, ``""``; named v1 hierarchies are ``name=systemd``."""

    @property
    def unified(self) -> bool:
        return self.version is Version.V2

    def roots(self) -> tuple[Path, ...]:
        """Every tree once (on v1 several controllers may share a mount)."""
        return tuple(dict.fromkeys(self.controllers.values()))

    def of(self, controller: str) -> Path | None:
        """The tree that this controller is in."""
        return self.controllers[""] if self.unified else self.controllers.get(controller)


def detect(mountinfo: str | None = None) -> Hierarchy:
    """Raises LookupError when no cgroup file system is mounted."""
    v1: dict[str, Path] = {}
    v2: Path | None = None
    for line in (mountinfo if mountinfo is not None else MOUNTINFO.read_text()).splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _source, options = rest.split(" ", 2)
        point = Path(fields.split()[4].encode().decode("unicode_escape"))
        if kind == "cgroup2":
            v2 = v2 or point
        elif kind == "cgroup":
            for name in options.split(","):
                if name not in V1_FLAGS and not name.startswith("release_agent"):
                    # The first mount of a tree is the host's; later ones are views, of another cluster's crun say.
                    v1.setdefault(name, point)
    if any(not name.startswith("name=") for name in v1):
        return Hierarchy(Version.HYBRID if v2 else Version.V1, v1)
    if v2:
        return Hierarchy(Version.V2, {"": v2})
    raise LookupError("no cgroup file system is mounted (looked in /proc/self/mountinfo)")

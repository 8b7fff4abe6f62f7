"""Where a cluster lives on disk. Names only; nothing here touches the disk but ``profiles``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from knarr.errors import ProfileInvalid

DEFAULT_PROFILE = "knarr"
COMPONENTS = ("apiserver", "controllers", "kubelet")

# A profile names files, a cgroup, an nft table and a kubeconfig context; this is what all of them can bear.
_PROFILE = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def home() -> Path:
    """$KNARR_HOME, else /var/lib/knarr for root and ~/.local/share/knarr for others."""
    chosen = os.environ.get("KNARR_HOME")
    if chosen:
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/knarr")
    return Path.home() / ".local" / "share" / "knarr"


def profiles() -> list[str]:
    """The profiles that have a directory, half-made ones included."""
    root = home()
    if not root.is_dir():
        return []
    return sorted(p.name for p in root.iterdir() if p.is_dir() and _PROFILE.fullmatch(p.name))


@dataclass(frozen=True, slots=True)
class ClusterPaths:
    """Every path of one cluster, below ``root``."""

    profile: str
    root: Path

    @classmethod
    def of(cls, profile: str) -> ClusterPaths:
        if not _PROFILE.fullmatch(profile):
            raise ProfileInvalid(
                f'"{profile}" cannot be a profile name',
                "use up to 40 lower-case letters, digits and dashes, beginning and ending with a letter or digit",
            )
        return cls(profile, home() / profile)

    @property
    def config(self) -> Path:
        return self.root / "cluster.json"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def lock(self) -> Path:
        return self.root.parent / f".{self.profile}.lock"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def supervisor(self) -> Path:
        """Who supervises now and what became of each component."""
        return self.run / "supervisor.json"

    def of_node(self, suffix: str) -> Path:
        """The folder of a node's data: the first one's (no suffix) is the cluster's own."""
        return self.root / "nodes" / suffix if suffix else self.root

    def kubeconfig(self, identity: str) -> Path:
        return self.root / "kubeconfig" / f"{identity}.yaml"

    def settings(self, component: str) -> Path:
        return self.root / "settings" / f"{component}.json"

    def log(self, component: str) -> Path:
        return self.root / "logs" / f"{component}.log"

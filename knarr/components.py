"""The programs of a cluster as data: what is run, with which settings, and where its words go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from knarr.paths import COMPONENTS, ClusterPaths

SHARED_IMPORTS = {
    "apiserver": ("asyncio", "ssl", "logging", "orjson", "uvloop", "apimachinery.kinds"),
    "controllers": ("aiohttp", "yaml", "apiclient"),
    "kubelet": (),
}
"""What the supervisor imports before it forks a component. Pages of modules that were imported before the fork are
shared by all that come after, so a module stands at the first component that needs it."""


@dataclass(frozen=True, slots=True)
class Component:
    """One child of the supervisor. ``module`` has ``main(argv) -> int``; output is appended to ``log``."""

    name: str
    module: str
    argv: tuple[str, ...]
    log: Path
    shared_imports: tuple[str, ...]
    stop_seconds: float = 5.0
    """How long SIGTERM may take before SIGKILL."""

    def command(self, python: str) -> list[str]:
        """The same program on its own in the foreground, as for a lesson or a debugger."""
        return [python, "-m", self.name, *self.argv]


def describe(paths: ClusterPaths) -> tuple[Component, ...]:
    """The components in the order in which they start; they stop in the reverse order."""
    return tuple(
        Component(
            name=name,
            module=f"{name}.__main__",
            argv=("--settings", str(paths.settings(name))),
            log=paths.log(name),
            shared_imports=SHARED_IMPORTS[name],
        )
        for name in COMPONENTS
    )

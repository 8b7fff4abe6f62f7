"""The programs of a cluster as data: what is run, with which settings, and where its words go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from knarr.config import ClusterConfig
from knarr.nodes import nodes
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
        return [python, "-m", self.module.removesuffix(".__main__"), *self.argv]


def describe(config: ClusterConfig, paths: ClusterPaths) -> tuple[Component, ...]:
    """The components in the order in which they start; they stop in the reverse order."""
    programs = {name: name for name in names(config)}
    programs.update({node.component: "kubelet" for node in nodes(config)})
    return tuple(
        Component(
            name=name,
            module=f"{program}.__main__",
            argv=("--settings", str(paths.settings(name))),
            log=paths.log(name),
            shared_imports=SHARED_IMPORTS[program],
        )
        for name, program in programs.items()
    )


def names(config: ClusterConfig) -> tuple[str, ...]:
    """The components by name: a kubelet for each node."""
    further = tuple(node.component for node in nodes(config)[1:])
    return (*COMPONENTS, *further)

"""Who supervises a cluster now: run/supervisor.json, written by the supervisor and read by everybody else.

The file may outlive its writer (kill -9, power loss), so a reader believes it only when the process that it names runs,
was started at the same tick, and in the same boot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from knarr import host
from knarr.files import write_json
from knarr.paths import ClusterPaths


@dataclass(slots=True)
class ChildState:
    pid: int = 0
    started: int = 0
    ready: bool = False
    restarts: int = 0
    last_exit: str = ""

    def document(self) -> dict[str, Any]:
        return {
            "pid": self.pid,
            "started": self.started,
            "ready": self.ready,
            "restarts": self.restarts,
            "lastExit": self.last_exit,
        }


@dataclass(slots=True)
class SupervisorState:
    pid: int
    started: int
    boot: str
    children: dict[str, ChildState] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        children = {name: child.document() for name, child in self.children.items()}
        return {"pid": self.pid, "started": self.started, "boot": self.boot, "components": children}

    def runs(self, component: str) -> bool:
        """Whether that child is alive and has said that it is ready."""
        child = self.children.get(component)
        return bool(child and child.ready and host.process(child.pid) == host.Process(child.pid, child.started))


def write(paths: ClusterPaths, state: SupervisorState) -> None:
    write_json(paths.supervisor, state.document())


def read_running(paths: ClusterPaths) -> SupervisorState | None:
    """The supervisor that runs now; None where there is none, whatever an old file says."""
    state = read_last(paths)
    if state is None or state.boot != host.boot_id():
        return None
    return state if host.process(state.pid) == host.Process(state.pid, state.started) else None


def read_last(paths: ClusterPaths) -> SupervisorState | None:
    """What the file says, believed or not; None where it is missing or torn."""
    try:
        found = json.loads(paths.supervisor.read_text())
        children = {
            name: ChildState(c["pid"], c["started"], c["ready"], c["restarts"], c["lastExit"])
            for name, c in found["components"].items()
        }
        return SupervisorState(found["pid"], found["started"], found["boot"], children)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def living_children(paths: ClusterPaths) -> list[host.Process]:
    """Children of a supervisor that died without them: they still run and must end before another start."""
    state = read_last(paths)
    if state is None or state.boot != host.boot_id():
        return []
    named = [host.Process(c.pid, c.started) for c in state.children.values() if c.pid]
    return [p for p in named if host.process(p.pid) == p]

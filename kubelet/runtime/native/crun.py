"""crun's command lines, and what its answers mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kubelet.processes import Completed, Processes
from kubelet.runtime.api import NotFoundInRuntime, RuntimeError_

_NOT_FOUND = re.compile(r"executable file `([^`]*)` not found in \$PATH")
_GONE = ("does not exist", "error opening file", "No such file or directory")


def explain(complaint: str, program: str) -> str:
    """crun's complaint about a process that it could not start, in the words that Kubernetes' users know (runc's)."""
    text = complaint.strip()
    if found := _NOT_FOUND.search(text):
        name = found.group(1)
        why = f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"
        text = f'exec: "{name}": {why}'
    elif "open executable" in text:
        text = f'exec: "{program}": permission denied'
    return f"OCI runtime create failed: unable to start container process: {text}"


class Crun:
    def __init__(self, processes: Processes, program: str, root: str) -> None:
        """``program`` is crun or what stands in for it; ``root`` is where it keeps its state."""
        self.processes = processes
        self.program = program
        self.options = (f"--root={root}", "--cgroup-manager=cgroupfs")

    def argv(self, *arguments: str) -> list[str]:
        return [self.program, *self.options, *arguments]

    async def run_detached(self, container_id: str, *, bundle: str, pid_file: str) -> None:
        """Create and start, unmonitored and without streams. Returns when its first process runs."""
        command = self.argv("run", "--detach", f"--bundle={bundle}", f"--pid-file={pid_file}", container_id)
        self._succeeded(await self.processes.run(command))

    async def start(self, container_id: str) -> None:
        self._succeeded(await self.processes.run(self.argv("start", container_id)))

    async def delete(self, container_id: str) -> None:
        """With what still runs in it. What is gone is fine."""
        done = await self.processes.run(self.argv("delete", "--force", container_id))
        if done.exit_code and not any(words in done.complaint for words in _GONE):
            self._succeeded(done)

    async def state(self, container_id: str) -> dict[str, Any]:
        """Raises NotFoundInRuntime. ``status`` is created, running or stopped."""
        done = await self.processes.run(self.argv("state", container_id))
        if done.exit_code:
            raise NotFoundInRuntime(f"crun knows no container {container_id}: {done.complaint}")
        return json.loads(done.stdout)

    async def update(self, container_id: str, resources: Mapping[str, Any]) -> None:
        document = json.dumps(resources).encode()
        self._succeeded(
            await self.processes.run(self.argv("update", "--resources", "/dev/stdin", container_id), stdin=document)
        )

    async def version(self) -> str:
        done = await self.processes.run([self.program, "--version"])
        self._succeeded(done)
        found = re.search(rb"version ([0-9][^\s]*)", done.stdout)
        return found.group(1).decode() if found else "unknown"

    def _succeeded(self, done: Completed) -> None:
        if done.exit_code:
            verb = next((a for a in done.argv[1:] if not a.startswith("-")), "")
            raise RuntimeError_(f"crun {verb} failed ({done.exit_code}): {done.complaint}")

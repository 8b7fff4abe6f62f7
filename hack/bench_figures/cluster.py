"""The cluster that is measured: started, looked at through /proc, deleted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")


class BenchCluster:
    """One profile below ``folder`` with a kubeconfig of its own."""

    def __init__(self, folder: Path, profile: str) -> None:
        self.folder = folder
        self.profile = profile
        # Another cluster of this machine may have the usual port.
        self.port = free_port()
        self.environment = {
            **os.environ,
            "KNARR_HOME": str(folder / "home"),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "KUBECACHEDIR": str(folder / "cache"),
            "KNARR_PROFILE": profile,
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def knarr(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "knarr", *arguments)

    def kubectl(self, *arguments: str) -> str:
        return self.run("kubectl", *arguments)

    def start(self, *more: str) -> None:
        self.knarr("start", "--runtime", "native", "--port", str(self.port), *more)

    def delete(self) -> None:
        print(self.knarr("delete", "--prove"), file=sys.stderr)

    @property
    def root(self) -> Path:
        return self.folder / "home" / self.profile

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.root / "cluster.json").read_text())

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.config['api_port']}"

    def token(self) -> str:
        """Of an administrator's ServiceAccount."""
        self.run("kubectl", "create", "serviceaccount", "bench", "-n", "kube-system")
        grant = ("--clusterrole=cluster-admin", "--serviceaccount=kube-system:bench")
        self.run("kubectl", "create", "clusterrolebinding", "bench", *grant)
        return self.kubectl("create", "token", "bench", "-n", "kube-system", "--duration=2h").strip()

    def processes(self) -> dict[str, list[int]]:
        """Process ids by component: supervisor, apiserver, controllers, kubelet, conmon."""
        state = json.loads((self.root / "run" / "supervisor.json").read_text())
        found = {"supervisor": [state["pid"]]}
        for name, child in state["components"].items():
            found[name] = [child["pid"]]
        found["conmon"] = self._monitors()
        return found

    def _monitors(self) -> list[int]:
        mine = str(self.root).encode()
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    words = Path("/proc", entry, "cmdline").read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if b"conmon" in words.split(b"\0")[0] and mine in words:
                    found.append(int(entry))
        return found

    def memory(self) -> dict[str, float]:
        """PSS in MiB by component."""
        return {name: sum(_pss(pid) for pid in pids) / 1024 for name, pids in self.processes().items()}

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, user and system, by component; ended children that were waited for included."""
        return {name: sum(_cpu(pid) for pid in pids) for name, pids in self.processes().items()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pss(pid: int) -> int:
    for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _cpu(pid: int) -> float:
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS


def until(check: Any, *, timeout: float = 60) -> None:
    limit = time.monotonic() + timeout
    while not check():
        if time.monotonic() > limit:
            raise RuntimeError(f"{check} did not come true within {timeout} s")
        time.sleep(0.01)

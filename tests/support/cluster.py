"""A throw-away cluster for end-to-end tests: own home, profile, kubeconfig, ports; gone afterwards."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class CommandFailed(AssertionError):
    """A command that should have succeeded did not; says what it printed."""


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class TestCluster:
    """Runs ``knarr`` and ``kubectl`` against one profile below ``home``."""

    __test__ = False

    profile: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            "KNARR_HOME": str(self.home / "data"),
            "KUBECONFIG": str(self.home / "kubeconfig"),
            "KNARR_PROFILE": self.profile,
            "KUBECACHEDIR": str(self.home / "cache"),
        }
        return {**os.environ, **ours}

    @property
    def root(self) -> Path:
        return self.home / "data" / self.profile

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.root / "cluster.json").read_text())

    def run(self, *command: str, stdin: str | None = None, timeout: float = 60) -> Result:
        """Run anything in the cluster's environment."""
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def knarr(self, *arguments: str, check: bool = True, timeout: float = 120) -> Result:
        done = self.run(sys.executable, "-m", "knarr", *arguments, timeout=timeout)
        if check and done.code:
            raise CommandFailed(f"knarr {' '.join(arguments)} exited with {done.code}:\n{done.out}{done.err}")
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
        """What kubectl prints; raises CommandFailed with its words when it fails."""
        done = self.try_kubectl(*arguments, stdin=stdin, timeout=timeout)
        if done.code:
            raise CommandFailed(f"kubectl {' '.join(arguments)} exited with {done.code}:\n{done.out}{done.err}")
        return done.out

    def try_kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> Result:
        return self.run("kubectl", *arguments, stdin=stdin, timeout=timeout)

    def get(self, *arguments: str) -> dict[str, Any]:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def popen(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """kubectl in the background; the caller ends it."""
        return subprocess.Popen(["kubectl", *arguments], text=True, env=self.environment, **options)


def eventually(check: Callable[[], Any], *, timeout: float = 30, what: str = "") -> Any:
    """Call until it returns something true and raises nothing; its last answer or error is in the failure."""
    limit = time.monotonic() + timeout
    while True:
        try:
            found = check()
            last: object = found
            if found:
                return found
        except (CommandFailed, LookupError, OSError) as error:
            last = error
        if time.monotonic() > limit:
            raise AssertionError(f"{what or 'it'} did not happen within {timeout} s; last: {last}")
        time.sleep(0.1)


@contextmanager
def running_cluster(home: Path, *, runtime: str, profile: str, nodes: int = 1) -> Iterator[TestCluster]:
    """Start, hand over, delete and prove that nothing is left."""
    cluster = TestCluster(profile, home)
    try:
        # Another cluster of this machine may have the usual port.
        cluster.knarr("start", "--runtime", runtime, "--port", str(free_port()), "--nodes", str(nodes))
        yield cluster
    finally:
        keep_logs(cluster)
        cluster.knarr("delete", "--prove", timeout=180)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keep_logs(cluster: TestCluster) -> None:
    """Print the components' last words: pytest shows them beside a failure."""
    for log in sorted((cluster.root / "logs").glob("*.log")):
        print(f"==> {log.name} <==", *log.read_text(errors="replace").splitlines()[-40:], sep="\n")

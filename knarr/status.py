"""Whether a cluster's parts run, in the words of ``minikube status``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from knarr import config as configs
from knarr import kubeconfig, state
from knarr.components import names
from knarr.errors import ProfileNotFound
from knarr.paths import ClusterPaths

RUNNING, STOPPED, STARTING = "Running", "Stopped", "Starting"
HOST_BIT, CLUSTER_BIT, KUBECONFIG_BIT = 1, 2, 4
"""The bits of the exit code, from the right, as minikube sets them."""


@dataclass(frozen=True, slots=True)
class Status:
    """``host`` is the supervisor: what must run for anything else to."""

    name: str
    host: str
    kubelet: str
    apiserver: str
    controllers: str
    kubeconfig: str
    runtime: str
    ip: str
    restarts: dict[str, int]

    @property
    def exit_code(self) -> int:
        code = 0
        if self.host != RUNNING:
            code |= HOST_BIT
        if {self.kubelet, self.apiserver, self.controllers} != {RUNNING}:
            code |= CLUSTER_BIT
        if self.kubeconfig != "Configured":
            code |= KUBECONFIG_BIT
        return code

    def document(self) -> dict[str, Any]:
        return asdict(self)


def read(profile: str) -> Status:
    """The state of now; raises ProfileNotFound where there is no cluster of that name."""
    paths = ClusterPaths.of(profile)
    config = configs.load(paths)
    if config is None:
        raise ProfileNotFound(f"there is no cluster {profile}", f"knarr start -p {profile}")
    running = state.read_running(paths)

    def component(name: str) -> str:
        if running is None:
            return STOPPED
        return RUNNING if running.runs(name) else STARTING

    def worst(states: Iterable[str]) -> str:
        """Of all nodes' kubelets."""
        return next((s for s in states if s != RUNNING), RUNNING)

    merged = kubeconfig.points_at(kubeconfig.default_path(), profile, config.server_url)
    return Status(
        name=profile,
        host=RUNNING if running else STOPPED,
        kubelet=worst(component(name) for name in names(config) if name.startswith("kubelet")),
        apiserver=component("apiserver"),
        controllers=component("controllers"),
        kubeconfig="Configured" if merged else "Misconfigured",
        runtime=config.runtime,
        ip=config.node_ip,
        restarts={n: c.restarts for n, c in running.children.items()} if running else {},
    )

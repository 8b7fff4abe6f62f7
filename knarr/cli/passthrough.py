"""``knarr kubectl -- ...``: the kubectl of PATH, pointed at the profile's own kubeconfig."""

from __future__ import annotations

import os
import shutil

from knarr import processes
from knarr.errors import ProfileNotFound, ProgramMissing
from knarr.paths import ClusterPaths


def kubectl(profile: str, arguments: list[str]) -> None:
    """Become kubectl. A leading ``--`` is ours and goes."""
    config = ClusterPaths.of(profile).kubeconfig("admin")
    if not config.exists():
        raise ProfileNotFound(f"there is no cluster {profile}", f"knarr start -p {profile}")
    program = shutil.which("kubectl")
    if program is None:
        raise ProgramMissing("there is no kubectl on PATH", "hack/up installs one where there is none")
    rest = arguments[1:] if arguments[:1] == ["--"] else arguments
    processes.replace_by([program, *rest], {**os.environ, "KUBECONFIG": str(config)})

"""A throw-away PostgreSQL server out of Debian's binaries, on loopback; gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of an empty database. Skips the test, by name, where there is no server to start."""
    if not BINARIES:
        pytest.skip("no PostgreSQL server is installed (apt-get install postgresql-15)")
    user = _unprivileged()
    folder.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(folder, user)
        _open_parents(folder)
    data, port = folder / "data", _free_port()
    _run(user, "initdb", "-D", str(data), "-U", "knarr", "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    _run(user, "pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        _run(user, "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "knarr", "knarr")
        yield f"postgresql+psycopg://knarr@127.0.0.1:{port}/knarr"
    finally:
        _run(user, "pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: whom it runs as then."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _open_parents(folder: Path) -> None:
    """pytest's temporary folders are closed to others."""
    for parent in folder.parents:
        if parent == Path("/tmp"):
            return
        parent.chmod(parent.stat().st_mode | 0o111)


def _run(user: str | None, program: str, *arguments: str) -> None:
    become = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"] if user else []
    command = [*become, str(BINARIES[-1] / program), *arguments]
    # pg_ctl leaves a server that holds its output open: a file, never a pipe.
    with open(os.devnull, "w") as nowhere:
        subprocess.run(command, check=True, stdout=nowhere, stderr=nowhere, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

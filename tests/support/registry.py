"""A real registry (Debian's docker-registry) on loopback, in a folder of its own, gone afterwards."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "puller", "secret"
_HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"
"""bcrypt of PASSWORD."""
_START_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Registry:
    host: str
    """``127.0.0.1:port``"""
    protected: bool

    def push(self, archive: Path, name: str, target: str, *options: str) -> None:
        """Image ``name`` of a docker archive, as ``target`` (``team/app:1``)."""
        self._copy(f"docker-archive:{archive}:{name}", target, *options)

    def push_layout(self, folder: Path, target: str, *options: str) -> None:
        """Every image of an OCI layout."""
        self._copy(f"oci:{folder}", target, *options)

    def _copy(self, source: str, target: str, *options: str) -> None:
        credentials = [f"--dest-creds={USER}:{PASSWORD}"] if self.protected else []
        command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *credentials, *options]
        subprocess.run([*command, source, f"docker://{self.host}/{target}"], check=True, capture_output=True)


@contextmanager
def running_registry(folder: Path, *, protected: bool = False) -> Iterator[Registry]:
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry(f"127.0.0.1:{_free_port()}", protected)
    settings: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": registry.host},
    }
    if protected:
        (folder / "htpasswd").write_text(_HTPASSWD)
        settings["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    # JSON is YAML too.
    (folder / "config.yml").write_text(json.dumps(settings))
    with open(folder / "log", "wb") as log:
        command = ["docker-registry", "serve", str(folder / "config.yml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(process, registry.host, folder / "log")
        yield registry
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    limit = time.monotonic() + _START_LIMIT
    while True:
        try:
            urllib.request.urlopen(f"http://{host}/v2/", timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            # 401: it is up and protected.
            error.close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > limit:
                raise AssertionError(f"docker-registry did not start: {error}\n{log.read_text()}") from error
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]

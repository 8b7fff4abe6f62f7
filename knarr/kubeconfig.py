"""kubeconfig files: one for each identity inside the cluster's folder, and the merge into the person's own file.

The person's file is theirs: only the cluster, user and context named after the profile are touched, everything else is
written back as it was read, and the file keeps its mode.
"""

from __future__ import annotations

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from knarr.errors import KubeconfigInvalid
from knarr.files import write_atomically

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def default_path() -> Path:
    """Where kubectl writes: the first file of $KUBECONFIG, else ~/.kube/config."""
    for part in os.environ.get("KUBECONFIG", "").split(os.pathsep):
        if part:
            return Path(part)
    return Path.home() / ".kube" / "config"


def document(*, name: str, user: str, server: str, ca: bytes, certificate: bytes, key: bytes) -> dict[str, Any]:
    """A kubeconfig with one context; the certificates are inlined so that the file can be copied about."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [{"name": name, "cluster": {"certificate-authority-data": _b64(ca), "server": server}}],
        "users": [{"name": user, "user": {"client-certificate-data": _b64(certificate), "client-key-data": _b64(key)}}],
        "contexts": [{"name": name, "context": {"cluster": name, "namespace": "default", "user": user}}],
        "current-context": name,
    }


def write(path: Path, config: dict[str, Any]) -> None:
    write_atomically(path, _dump(config))


def merge(path: Path, ours: dict[str, Any]) -> bool:
    """Put our context into the file at ``path`` and make it current. False when it was so already."""
    with _locked(path):
        theirs = _read(path)
        merged = dict(theirs) if theirs else {"apiVersion": "v1", "kind": "Config", "preferences": {}}
        for section in ("clusters", "users", "contexts"):
            merged[section] = _replaced(merged.get(section) or [], ours[section][0])
        merged["current-context"] = ours["current-context"]
        if merged == theirs:
            return False
        _write_theirs(path, merged)
        return True


def remove(path: Path, name: str) -> bool:
    """Take the cluster, user and context ``name`` out again; an emptied file that held only ours is deleted."""
    with _locked(path):
        theirs = _read(path)
        if not theirs:
            return False
        left = dict(theirs)
        for section in ("clusters", "users", "contexts"):
            left[section] = [e for e in left.get(section) or [] if e.get("name") != name]
        if left.get("current-context") == name:
            left["current-context"] = ""
        if all(left[s] == (theirs.get(s) or []) for s in ("clusters", "users", "contexts")):
            return False
        if not any(left[s] for s in ("clusters", "users", "contexts")):
            path.unlink(missing_ok=True)
        else:
            _write_theirs(path, left)
        return True


def points_at(path: Path, name: str, server: str) -> bool:
    """Whether the context exists there and its cluster has this server: what status calls Configured."""
    found = _read(path)
    clusters = {c.get("name"): c.get("cluster", {}).get("server") for c in found.get("clusters") or []}
    contexts = {c.get("name"): c.get("context", {}).get("cluster") for c in found.get("contexts") or []}
    return clusters.get(contexts.get(name)) == server


def _replaced(entries: list[dict[str, Any]], ours: dict[str, Any]) -> list[dict[str, Any]]:
    if any(e.get("name") == ours["name"] for e in entries):
        return [_kept_namespace(e, ours) if e.get("name") == ours["name"] else e for e in entries]
    return [*entries, ours]


def _kept_namespace(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A namespace that the person set with ``kubectl config set-context`` outlives the next start."""
    namespace = (old.get("context") or {}).get("namespace")
    if "context" not in new or not namespace:
        return new
    return {**new, "context": {**new["context"], "namespace": namespace}}


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    try:
        found = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise KubeconfigInvalid(
            f"{path} is not YAML: {error}", "mend or move the file, then: knarr update-context"
        ) from error
    if found is None:
        return {}
    sections = ("clusters", "users", "contexts")
    if not isinstance(found, dict) or any(not isinstance(found.get(s) or [], list) for s in sections):
        raise KubeconfigInvalid(f"{path} is not a kubeconfig", "mend or move the file, then: knarr update-context")
    return found


def _write_theirs(path: Path, config: dict[str, Any]) -> None:
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    write_atomically(target, _dump(config), mode=mode, durable=True)


def _dump(config: dict[str, Any]) -> bytes:
    return yaml.dump(config, Dumper=_DUMPER, sort_keys=False, allow_unicode=True).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer of ours at a time. kubectl locks by creating ``<file>.lock``; ours is beside it, not that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

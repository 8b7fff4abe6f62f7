"""What a container sees mounted: volumes, /etc/hosts, resolv.conf, its termination message."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubelet.pods import documents, naming
from kubelet.pods.configs import DEFAULT_TERMINATION_PATH
from kubelet.pods.context import Context
from kubelet.pods.documents import Document
from kubelet.pods.env import ConfigError
from kubelet.pods.expansion import expand_with
from kubelet.runtime.api import Image, Mount
from kubelet.volumes.manager import Volume
from kubelet.volumes.subpath import SubPathProblem

HOSTS, RESOLVER = "/etc/hosts", "/etc/resolv.conf"


def container_mounts(
    context: Context,
    pod: Document,
    container: Document,
    *,
    attempt: int,
    volumes: Mapping[str, Volume],
    images: Mapping[str, Image],
    env: Mapping[str, str],
) -> tuple[Mount, ...]:
    """``images`` are those that are volumes of the pod, by the volume's name. Raises ConfigError."""
    found = [_volume(context, pod, container, i, m, volumes, images, env) for i, m in _wanted(container)]
    taken = {m.container_path for m in found}
    folder = pod_folder(context, pod)
    for path, name in ((HOSTS, "etc-hosts"), (RESOLVER, "resolv.conf")):
        if path not in taken and (folder / name).exists():
            found.append(Mount(str(folder / name), path))
    message = container.get("terminationMessagePath") or DEFAULT_TERMINATION_PATH
    if message not in taken:
        found.append(Mount(_termination_file(folder, container["name"], attempt), message))
    return tuple(found)


def write_names(context: Context, pod: Document, ips: tuple[str, ...]) -> list[str]:
    """The pod's hosts and resolv.conf; messages of DNSConfigForming events."""
    settings, folder = context.settings, pod_folder(context, pod)
    folder.mkdir(parents=True, exist_ok=True)
    host_file = Path(HOSTS).read_text() if documents.host_network(pod) else ""
    if ips or documents.host_network(pod):
        _write(folder / "etc-hosts", naming.hosts_file(pod, ips, settings.cluster_domain, host_file))
    host = naming.parse_resolver(_host_resolver())
    resolver, words = naming.resolver(pod, host, context.network.dns_server(), settings.cluster_domain)
    _write(folder / "resolv.conf", resolver.text())
    return words


def pod_folder(context: Context, pod: Document) -> Path:
    return context.settings.pods_dir / documents.uid_of(pod)


def _wanted(container: Document) -> list[tuple[int, Document]]:
    return list(enumerate(container.get("volumeMounts") or ()))


def _volume(
    context: Context,
    pod: Document,
    container: Document,
    index: int,
    mount: Document,
    volumes: Mapping[str, Volume],
    images: Mapping[str, Image],
    env: Mapping[str, str],
) -> Mount:
    volume = volumes.get(mount["name"])
    if volume is None:
        raise ConfigError(f'cannot find volume "{mount["name"]}" to mount into container "{container["name"]}"')
    source, part = volume.path, mount.get("subPath") or ""
    if mount.get("subPathExpr"):
        part = _expanded(mount["subPathExpr"], env)
    path = mount["mountPath"] if mount["mountPath"].startswith("/") else f"/{mount['mountPath']}"
    if image := images.get(mount["name"]):
        return Mount("", path, readonly=True, image=image.id, image_sub_path=part)
    if part:
        try:
            source = context.volumes.subpath(pod, container["name"], index, mount, volume, part)
        except SubPathProblem as problem:
            raise ConfigError(str(problem)) from problem
    return Mount(
        host_path=source,
        container_path=path,
        readonly=bool(mount.get("readOnly")) or volume.read_only,
        propagation=mount.get("mountPropagation") or "None",
        recursive_readonly=mount.get("recursiveReadOnly") in ("Enabled", "IfPossible"),
    )


def _expanded(text: str, env: Mapping[str, str]) -> str:
    missing = set()

    def value(name: str) -> str:
        if not env.get(name):
            missing.add(name)
        return env.get(name, "")

    found = expand_with(text, value)
    if missing:
        raise ConfigError(f"missing value for {', '.join(sorted(missing))}")
    return found


def _termination_file(folder: Path, name: str, attempt: int) -> str:
    place = folder / "containers" / name
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{attempt}.termination"
    # Written by whichever user the container runs as.
    file.write_bytes(b"")
    file.chmod(0o666)
    return str(file)


def _write(path: Path, text: str) -> None:
    """In place: containers that run see the file itself, not its name."""
    path.write_text(text)
    path.chmod(0o644)


def _host_resolver() -> str:
    try:
        return Path(RESOLVER).read_text()
    except FileNotFoundError:
        return ""

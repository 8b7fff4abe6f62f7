"""What is in a docker archive (``docker save``) or an OCI layout, as a tar or as a folder: images to be installed.

Nothing is extracted: a layer is named by the file it is in, its offset and its size.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kubelet.images import references
from kubelet.runtime.api import ImageError

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_LARGEST_DOCUMENT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LayerSource:
    diff_id: str
    path: str
    offset: int
    size: int
    digest: str | None = None
    """Of the blob as it is there, compressed or not; None when nobody says."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    config: bytes
    layers: tuple[LayerSource, ...]
    manifest_digest: str = ""
    tags: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"sha256:{hashlib.sha256(self.config).hexdigest()}"


class Source(Protocol):
    def locate(self, name: str) -> tuple[str, int, int] | None:
        """(file, offset, size) of what is called ``name``; None when there is no such thing."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    root: Path
    shared_blobs: Path | None = None
    """Where skopeo put the blobs, when not below ``root``."""

    def locate(self, name: str) -> tuple[str, int, int] | None:
        base = self.root
        if self.shared_blobs is not None and name.startswith("blobs/"):
            base, name = self.shared_blobs, name.removeprefix("blobs/")
        path = base / name
        return (str(path), 0, path.stat().st_size) if path.is_file() else None


@dataclass(slots=True)
class Tar:
    """An uncompressed tar file. Names may be links to one another, as old docker versions wrote repeated layers."""

    path: str
    _members: dict[str, tarfile.TarInfo] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            with tarfile.open(self.path, "r:") as tar:
                self._members = {os.path.normpath(m.name): m for m in tar}
        except tarfile.TarError as error:
            raise ImageError(f"failed to load the archive: it is no tar file: {error}") from error

    def locate(self, name: str) -> tuple[str, int, int] | None:
        name = os.path.normpath(name)
        for _ in range(8):
            member = self._members.get(name)
            if member is None or member.isreg():
                return (self.path, member.offset_data, member.size) if member else None
            if not (member.issym() or member.islnk()):
                return None
            base = os.path.dirname(name) if member.issym() else ""
            name = os.path.normpath(os.path.join(base, member.linkname))
        return None


def read(source: Source) -> list[FoundImage]:
    """Raises ImageError for what is neither kind of archive or lacks a part."""
    docker = _document(source, "manifest.json")
    if source.locate("index.json") is None:
        if docker is None:
            raise ImageError("neither a docker archive (no manifest.json) nor an OCI one (no index.json)")
        return [_docker_image(source, entry) for entry in docker]
    found = list(_oci_images(source, _required(source, "index.json")))
    if docker is not None and not any(image.tags for image in found):
        # Both in one: docker names its images in its own manifest alone.
        return [_docker_image(source, entry) for entry in docker]
    return found


def read_manifest(source: Source, manifest: Mapping[str, Any], digest: str, tags: tuple[str, ...]) -> FoundImage:
    config = _bytes(source, _blob(manifest["config"]["digest"]))
    if f"sha256:{hashlib.sha256(config).hexdigest()}" != manifest["config"]["digest"]:
        raise ImageError(f"image config {manifest['config']['digest']} has another content")
    diff_ids = _diff_ids(config)
    if len(diff_ids) != len(manifest["layers"]):
        raise ImageError(f"mismatched image rootfs and manifest layers in {digest}")
    layers = [
        _layer(source, _blob(layer["digest"]), diff_id, layer["digest"])
        for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
    ]
    return FoundImage(config, tuple(layers), digest, tags)


def machine() -> str:
    """This machine's architecture in the words of image indexes."""
    return MACHINES.get(platform.machine(), platform.machine())


def _docker_image(source: Source, entry: Mapping[str, Any]) -> FoundImage:
    config = _bytes(source, entry["Config"])
    diff_ids = _diff_ids(config)
    names = entry["Layers"] or []
    if len(names) != len(diff_ids):
        raise ImageError(f"image {entry['Config']} names {len(names)} layers but its config {len(diff_ids)}")
    layers = tuple(_layer(source, name, diff_id, None) for name, diff_id in zip(names, diff_ids, strict=True))
    return FoundImage(config, layers, tags=tuple(str(references.parse(t)) for t in entry.get("RepoTags") or ()))


def _oci_images(source: Source, index: Mapping[str, Any]) -> list[FoundImage]:
    found = []
    for entry in index.get("manifests") or ():
        tags = _tags(entry.get("annotations") or {})
        digest, manifest = _resolve(source, entry)
        if manifest is not None:
            found.append(read_manifest(source, manifest, digest, tags))
    if not found:
        raise ImageError(f"no image for linux/{machine()} in the archive")
    return found


def _resolve(source: Source, entry: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """(digest as the archive names it, manifest for this machine or None). An index is followed."""
    if not _suits(entry.get("platform")):
        return entry["digest"], None
    document = _required(source, _blob(entry["digest"]))
    if document.get("mediaType", entry.get("mediaType")) not in INDEXES and "manifests" not in document:
        return entry["digest"], document
    for inner in document["manifests"]:
        if inner.get("platform") and _suits(inner["platform"]):
            _, manifest = _resolve(source, inner)
            if manifest is not None:
                return entry["digest"], manifest
    return entry["digest"], None


def _suits(wanted: Mapping[str, Any] | None) -> bool:
    return not wanted or (wanted.get("os"), wanted.get("architecture")) == ("linux", machine())


def _tags(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """A bare tag (``latest``) says nothing without a name."""
    for key in _NAMES:
        name = annotations.get(key, "")
        if "/" in name or ":" in name:
            return (str(references.parse(name)),)
    return ()


def _layer(source: Source, name: str, diff_id: str, digest: str | None) -> LayerSource:
    place = source.locate(name)
    if place is None:
        raise ImageError(f"layer {name} is missing from the archive")
    return LayerSource(diff_id, *place, digest)


def _diff_ids(config: bytes) -> list[str]:
    try:
        document = json.loads(config)
        return list((document.get("rootfs") or {}).get("diff_ids") or [])
    except (ValueError, AttributeError) as error:
        raise ImageError(f"an image's config can't be read: {error}") from error


def _blob(digest: str) -> str:
    kind, _, value = digest.partition(":")
    if not (kind.isalnum() and value.isalnum()):
        raise ImageError(f"invalid digest {digest!r}")
    return f"blobs/{kind}/{value}"


def _required(source: Source, name: str) -> Any:
    document = _document(source, name)
    if document is None:
        raise ImageError(f"{name} is missing from the archive")
    return document


def _document(source: Source, name: str) -> Any:
    if source.locate(name) is None:
        return None
    try:
        return json.loads(_bytes(source, name))
    except ValueError as error:
        raise ImageError(f"{name} of the archive can't be read: {error}") from error


def _bytes(source: Source, name: str) -> bytes:
    place = source.locate(name)
    if place is None:
        raise ImageError(f"{name} is missing from the archive")
    path, offset, size = place
    if size > _LARGEST_DOCUMENT:
        raise ImageError(f"{name} of the archive is too large ({size} bytes)")
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)

"""The store's memory: which images there are, what they are called, and which layers they are made of. One JSON file,
written whole, synced and renamed into place, so that neither a crash nor a power cut leaves half of it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from kubelet.runtime.api import Image

FILE = "index.json"
LINK = 16
"""Hex digits of a layer's folder: short, because the names of all layers must fit in one page of mount options."""


@dataclass(slots=True)
class StoredImage:
    id: str
    layers: list[str]
    """diff ids, lowest first."""
    size: int
    tags: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    """``name@sha256:...``"""
    config: dict[str, Any] = field(default_factory=dict)

    def as_image(self) -> Image:
        return Image(
            id=self.id,
            repo_tags=tuple(self.tags),
            repo_digests=tuple(self.digests),
            size=self.size,
            user=(self.config.get("config") or {}).get("User") or "",
            config=self.config,
        )


@dataclass(slots=True)
class StoredLayer:
    size: int
    """Bytes of its files."""
    blobs: dict[str, int] = field(default_factory=dict)
    """Compressed forms that it was seen in: digest to size."""


@dataclass(slots=True)
class Index:
    images: dict[str, StoredImage] = field(default_factory=dict)
    layers: dict[str, StoredLayer] = field(default_factory=dict)

    def by_name(self, name: str) -> StoredImage | None:
        """``name`` is a whole reference, with a tag or a digest."""
        return next((i for i in self.images.values() if name in i.tags or name in i.digests), None)

    def name(self, image: StoredImage, *, tags: tuple[str, ...] = (), digests: tuple[str, ...] = ()) -> None:
        """A tag belongs to one image: it moves."""
        for other in self.images.values():
            if other is not image:
                other.tags = [t for t in other.tags if t not in tags]
        image.tags = list(dict.fromkeys([*image.tags, *tags]))
        image.digests = list(dict.fromkeys([*image.digests, *digests]))

    def unused_layers(self) -> list[str]:
        used = {layer for image in self.images.values() for layer in image.layers}
        return [layer for layer in self.layers if layer not in used]


def folder(diff_id: str) -> str:
    return diff_id.partition(":")[2][:LINK]


def load(root: Path) -> Index:
    """Raises ValueError when the file is there but can't be understood."""
    try:
        document = orjson.loads((root / FILE).read_bytes())
    except FileNotFoundError:
        return Index()
    try:
        return Index(
            {i["id"]: StoredImage(**i) for i in document["images"]},
            {name: StoredLayer(**layer) for name, layer in document["layers"].items()},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{root / FILE} can't be understood: {error}") from error


def encode(index: Index) -> bytes:
    document = {
        "images": [dataclasses.asdict(i) for i in index.images.values()],
        "layers": {name: dataclasses.asdict(layer) for name, layer in index.layers.items()},
    }
    return orjson.dumps(document)


def write(root: Path, data: bytes) -> None:
    draft = root / (FILE + ".new")
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, root / FILE)
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

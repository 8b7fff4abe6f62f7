"""Layers and archives made by hand, hostile ones too."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any


def entry(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o644, len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def folder(name: str, mode: int = 0o755, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, mode=mode, **fields)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777)


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as out:
        for info, data in entries:
            out.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def config(layers: Iterable[bytes], **settings: Any) -> bytes:
    document = {"config": settings, "rootfs": {"type": "layers", "diff_ids": [sha(layer) for layer in layers]}}
    return json.dumps(document).encode()


def docker_archive(images: list[tuple[list[str], list[bytes]]]) -> bytes:
    """(tags, layers) of each."""
    files: dict[str, bytes] = {}
    manifest = []
    for tags, layers in images:
        document = config(layers, Cmd=["sh"], User="nobody")
        names = [f"{sha(layer)[7:]}/layer.tar" for layer in layers]
        files |= dict(zip(names, layers, strict=True)) | {f"{sha(document)[7:]}.json": document}
        manifest.append({"Config": f"{sha(document)[7:]}.json", "RepoTags": tags, "Layers": names})
    files["manifest.json"] = json.dumps(manifest).encode()
    return tar(*(entry(name, data) for name, data in files.items()))


def oci_archive(layers: list[bytes], blobs: list[bytes], annotations: dict[str, str]) -> bytes:
    """``blobs`` are the layers as they lie there, compressed perhaps."""
    document = config(layers)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "config": {"digest": sha(document), "size": len(document)},
            "layers": [{"digest": sha(blob), "size": len(blob)} for blob in blobs],
        }
    ).encode()
    index = {"manifests": [{"digest": sha(manifest), "size": len(manifest), "annotations": annotations}]}
    files = {f"blobs/sha256/{sha(data)[7:]}": data for data in (document, manifest, *blobs)}
    files |= {"index.json": json.dumps(index).encode(), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    return tar(*(entry(name, data) for name, data in files.items()))

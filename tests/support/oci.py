"""OCI layouts made by hand."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from kubelet.images.archives import machine


def put(layout: Path, data: bytes) -> str:
    """A blob; its digest."""
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return f"sha256:{digest}"


def as_index(archive: Path, layout: Path) -> Path:
    """An index with two images of a docker archive: one for this machine, one that says it is for another."""
    for name in ("busybox:1.35", "relistan/lazyraster:demo"):
        command = ["skopeo", "--insecure-policy", "copy", "--quiet", f"docker-archive:{archive}:{name}"]
        subprocess.run([*command, f"oci:{layout}:{name}"], check=True, capture_output=True)
    index = json.loads((layout / "index.json").read_bytes())
    platforms = ("s390x" if machine() != "s390x" else "amd64", machine())
    entries = [
        {**{k: m[k] for k in ("mediaType", "digest", "size")}, "platform": {"os": "linux", "architecture": platform}}
        for m, platform in zip(index["manifests"], platforms, strict=True)
    ]
    media_type = "application/vnd.oci.image.index.v1+json"
    nested = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode()
    top = {"mediaType": media_type, "digest": put(layout, nested), "size": len(nested)}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    return layout

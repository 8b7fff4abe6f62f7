"""``hack/bench [--json FILE] [--only WORD] [--quick]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hack.bench_figures import pods, requests, start
from hack.bench_figures.cluster import BenchCluster
from hack.bench_figures.table import Figure, render

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="hack/bench", description="Measure a throw-away cluster.")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", choices=("start", "pods", "requests"), help="one group of figures")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="knarr-bench-"))
    cluster = BenchCluster(folder, f"bench-{os.getpid()}")
    try:
        archive = folder / "demo.tar"
        subprocess.run([sys.executable, str(ROOT / "hack/images/build"), str(archive)], check=True)
        figures = measure(cluster, archive, only=arguments.only, quick=arguments.quick)
    finally:
        cluster.delete()
        shutil.rmtree(folder, ignore_errors=True)
    print(render(figures))
    if arguments.json:
        document = {"machine": machine(), "figures": [f.document() for f in figures]}
        Path(arguments.json).write_text(json.dumps(document, indent=2) + "\n")
    return 0


def measure(cluster: BenchCluster, archive: Path, *, only: str | None, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    if only in (None, "start"):
        figures += start.measure(cluster, archive, rounds=2 if quick else 5)
    else:
        cluster.start()
        cluster.knarr("image", "load", str(archive))
    if only in (None, "pods"):
        figures += asyncio.run(pods.measure(cluster, quick=quick))
    if only in (None, "requests"):
        figures += asyncio.run(requests.measure(cluster, seconds=2 if quick else 6))
    return figures


def machine() -> dict[str, object]:
    return {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


if __name__ == "__main__":
    sys.exit(main())

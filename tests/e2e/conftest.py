"""One native cluster for all end-to-end tests of a run, and a namespace for each test."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import ROOT, TestCluster, running_cluster

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def demo_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = tmp_path_factory.mktemp("images") / "demo.tar"
    subprocess.run([sys.executable, str(ROOT / "hack/images/build"), str(archive)], check=True)
    return archive


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, demo_images: Path) -> Iterator[TestCluster]:
    home = tmp_path_factory.mktemp("cluster")
    with running_cluster(home, runtime="native", profile=f"e2e-{os.getpid()}") as running:
        running.knarr("image", "load", str(demo_images))
        yield running


@pytest.fixture
def namespace(cluster: TestCluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace that is the context's default during the test."""
    words = "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:40].strip("-")
    # Parametrized tests share the words, and a namespace takes a moment to go.
    name = f"t-{words}-{next(_NUMBERS)}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("config", "set-context", "--current", f"--namespace={name}")
    try:
        yield name
    finally:
        cluster.kubectl("config", "set-context", "--current", "--namespace=default")
        cluster.kubectl("delete", "namespace", name, "--wait=false")

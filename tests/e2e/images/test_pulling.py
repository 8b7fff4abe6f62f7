"""Pulling from a real registry on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kubelet.images.store import ImageStore
from kubelet.processes import HostProcesses
from kubelet.runtime.api import ImageError, RegistryCredentials
from tests.support.oci import as_index
from tests.support.registry import PASSWORD, USER, Registry, running_registry

pytestmark = pytest.mark.root


class Counting(HostProcesses):
    """Says what was started."""

    def __init__(self) -> None:
        self.verbs: list[str] = []

    async def run(self, argv, **options):  # type: ignore[no-untyped-def]
        self.verbs.append(next(a for a in argv[1:] if not a.startswith("-")))
        return await super().run(argv, **options)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, demo_images: Path) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as found:
        found.push(demo_images, "busybox:1.35", "busybox:1.35")
        found.push(demo_images, "relistan/lazyraster:demo", "team/lazyraster:demo", "--format=oci")
        yield found


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory, demo_images: Path) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("protected"), protected=True) as found:
        found.push(demo_images, "busybox:1.35", "team/private:1")
        yield found


@pytest.fixture
def processes() -> Counting:
    return Counting()


@pytest_asyncio.fixture
async def store(tmp_path: Path, processes: Counting) -> AsyncIterator[ImageStore]:
    found = ImageStore(tmp_path / "images", processes)
    await found.start()
    yield found
    assert os.listdir(tmp_path / "images/tmp") == []


async def test_an_image_is_pulled_named_and_unpacked(store: ImageStore, registry: Registry):
    image = await store.pull(f"{registry.host}/busybox:1.35")
    assert image.repo_tags == (f"{registry.host}/busybox:1.35",)
    [digest] = image.repo_digests
    assert digest.startswith(f"{registry.host}/busybox@sha256:")
    [layer] = store.lower(image.id)
    assert (Path(store.layers_root) / layer / "bin/sh").is_symlink()
    assert store.find(f"{registry.host}/busybox:1.35") == store.find(digest) == store.find(image.id) == image
    assert image.config["config"]["Cmd"] == ["sh"]


async def test_what_is_here_already_is_not_fetched_again(store: ImageStore, registry: Registry, processes: Counting):
    first = await store.pull(f"{registry.host}/busybox:1.35")
    processes.verbs.clear()
    again = await store.pull(f"{registry.host}/busybox:1.35")
    assert (again, processes.verbs) == (first, ["inspect"])
    other = await store.pull(f"{registry.host}/team/lazyraster:demo")
    assert store.lower(other.id)[-1:] == store.lower(first.id)
    assert len(os.listdir(store.layers_root)) == 3  # with the empty one


async def test_a_digest_pulls_exactly_that(store: ImageStore, registry: Registry):
    [digest] = (await store.pull(f"{registry.host}/busybox:1.35")).repo_digests
    await store.prune(set())
    image = await store.pull(digest)
    assert (image.repo_tags, image.repo_digests) == ((), (digest,))


async def test_an_index_gives_this_machines_image(
    store: ImageStore, registry: Registry, tmp_path: Path, demo_images: Path
):
    layout = as_index(demo_images, tmp_path / "layout")
    registry.push_layout(layout, "multi:1", "--all")
    image = await store.pull(f"{registry.host}/multi:1")
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/multi:1"],
        check=True,
        capture_output=True,
    ).stdout
    assert b'"manifests"' in raw
    assert image.repo_digests == (f"{registry.host}/multi@sha256:{hashlib.sha256(raw).hexdigest()}",)
    assert store.lower(image.id) != ["empty"]


async def test_those_who_ask_at_the_same_time_share_a_pull(store: ImageStore, registry: Registry, processes: Counting):
    name = f"{registry.host}/busybox:1.35"
    images = await asyncio.gather(*(store.pull(name) for _ in range(5)))
    assert len({i.id for i in images}) == 1
    assert processes.verbs.count("copy") == 1


async def test_images_that_share_a_layer_can_be_pulled_at_the_same_time(store: ImageStore, registry: Registry):
    names = (f"{registry.host}/busybox:1.35", f"{registry.host}/team/lazyraster:demo")
    one, two = await asyncio.gather(*(store.pull(n) for n in names))
    assert set(store.lower(one.id)) < set(store.lower(two.id))


async def test_an_image_that_is_not_there_is_not_found(store: ImageStore, registry: Registry):
    for name in ("nosuch:1", "busybox:nosuch"):
        full = f"{registry.host}/{name}"
        with pytest.raises(ImageError) as raised:
            await store.pull(full)
        assert str(raised.value) == (
            f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {full}: not found'
        )
        assert raised.value.reason == "ErrImagePull"


async def test_a_registry_that_is_not_there_refuses(store: ImageStore):
    with pytest.raises(ImageError, match=r"failed to do request: Get .*127\.0\.0\.1:9.*connection refused"):
        await store.pull("127.0.0.1:9/busybox")


async def test_a_password_is_asked_for_and_accepted(store: ImageStore, protected: Registry):
    name = f"{protected.host}/team/private:1"
    good = RegistryCredentials(USER, PASSWORD, registry=protected.host)
    bad = RegistryCredentials(USER, "wrong", registry=protected.host)
    for given in ((), (bad,)):
        with pytest.raises(ImageError, match=r"pull access denied.*authorization failed") as raised:
            await store.pull(name, given)
        assert PASSWORD not in str(raised.value)
    image = await store.pull(name, (bad, good))
    assert image.repo_tags == (name,)


async def test_a_moved_tag_names_the_new_image(store: ImageStore, registry: Registry, demo_images: Path):
    name = f"{registry.host}/moving:1"
    registry.push(demo_images, "busybox:1.35", "moving:1")
    old = await store.pull(name)
    registry.push(demo_images, "relistan/lazyraster:demo", "moving:1")
    new = await store.pull(name)
    assert new.id != old.id
    assert store.find(name) == new
    left = store.find(old.id)
    assert left is not None
    assert left.repo_tags == ()

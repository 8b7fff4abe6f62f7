"""Loading, naming, removing and pruning, with real layers in a temporary folder."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kubelet.images import index
from kubelet.images.store import ImageInUse, ImageStore
from kubelet.processes import Completed, HostProcesses
from kubelet.runtime.api import ImageError
from tests.unit.images.layers import config, docker_archive, entry, link, oci_archive, sha, tar

BASE = tar(entry("base", b"b" * 1000))
ONE = tar(entry("one", b"1"))
TWO = tar(entry("two", b"2"))


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[ImageStore]:
    found = ImageStore(tmp_path / "images")
    await found.start()
    yield found
    assert os.listdir(tmp_path / "images/tmp") == []


def archive(tmp_path: Path, *images: tuple[list[str], list[bytes]]) -> Path:
    path = tmp_path / "archive.tar"
    path.write_bytes(docker_archive(list(images)))
    return path


def layers(store: ImageStore) -> set[str]:
    return set(os.listdir(store.layers_root)) - {"empty"}


async def test_a_docker_archive_brings_all_its_images_and_each_layer_once(store: ImageStore, tmp_path: Path):
    names = await store.load(archive(tmp_path, (["a:1", "a:2"], [BASE, ONE]), ([], [BASE, TWO])))
    first, second = await store.list()
    assert names == ["docker.io/library/a:1", "docker.io/library/a:2", second.id]
    assert (first.user, first.repo_tags) == ("nobody", ("docker.io/library/a:1", "docker.io/library/a:2"))
    assert store.lower(first.id) == [index.folder(sha(ONE)), index.folder(sha(BASE))]
    assert len(layers(store)) == 3
    assert (Path(store.layers_root) / index.folder(sha(ONE)) / "one").read_bytes() == b"1"
    assert store.disk_usage() == 1002


async def test_an_oci_archive_may_be_compressed_inside_and_outside_and_come_as_a_stream(store: ImageStore):
    name = {"org.opencontainers.image.ref.name": "example.com/a:1"}
    data = gzip.compress(oci_archive([BASE, ONE], [gzip.compress(BASE), ONE], name))
    assert await store.load(io.BytesIO(data)) == ["example.com/a:1"]
    assert len(layers(store)) == 2


async def test_links_between_layers_of_old_archives_are_followed(store: ImageStore, tmp_path: Path):
    import json

    document = config([ONE, ONE])
    manifest = [{"Config": "c.json", "RepoTags": ["a"], "Layers": ["x/layer.tar", "y/layer.tar"]}]
    files = [entry("c.json", document), entry("manifest.json", json.dumps(manifest).encode())]
    files += [entry("x/layer.tar", ONE), link("y/layer.tar", "../x/layer.tar")]
    (tmp_path / "old.tar").write_bytes(tar(*files))
    await store.load(tmp_path / "old.tar")
    [image] = await store.list()
    # The kernel refuses the same folder twice.
    assert store.lower(image.id) == [index.folder(sha(ONE))]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no tar at all", "failed to load the archive"),
        (tar(entry("x", b"1")), "neither a docker archive"),
        (oci_archive([BASE], [ONE], {}), "wrong diff id"),
        (oci_archive([BASE], [], {}), "mismatched image rootfs and manifest layers"),
        (docker_archive([(["Bad Name"], [BASE])]), "couldn't parse image name"),
        (tar(entry("manifest.json", b"{")), "can't be read"),
        (tar(entry("manifest.json", b'[{"Config": "c", "Layers": []}]')), "c is missing"),
        (tar(entry("manifest.json", b"[1]")), "failed to load the archive"),
        (docker_archive([(["a"], [tar(entry("../x", b"1"))])]), "leads out of the layer"),
    ],
)
async def test_an_archive_that_makes_no_sense_is_refused_whole(
    store: ImageStore, tmp_path: Path, data: bytes, words: str
):
    (tmp_path / "bad.tar").write_bytes(data)
    with pytest.raises(ImageError, match=words):
        await store.load(tmp_path / "bad.tar")
    assert await store.list() == []
    assert layers(store) == set()


async def test_a_tag_moves_to_the_image_that_came_last(store: ImageStore, tmp_path: Path):
    await store.load(archive(tmp_path, (["a:1"], [ONE])))
    old = store.find("a:1")
    await store.load(archive(tmp_path, (["a:1"], [TWO])))
    new = store.find("a:1")
    assert old is not None
    assert new is not None
    assert new.id != old.id
    assert store.find(old.id).repo_tags == ()  # type: ignore[union-attr]


async def test_removing_a_name_leaves_the_others_and_removing_the_last_the_layers_too(
    store: ImageStore, tmp_path: Path
):
    await store.load(archive(tmp_path, (["a:1", "a:2"], [BASE, ONE]), (["b"], [BASE])))
    await store.remove("a:1")
    assert store.find("a:1") is None
    assert store.find("a:2") is not None
    await store.remove("a:2")
    assert layers(store) == {index.folder(sha(BASE))}
    await store.remove("a:2")
    await store.remove("b")
    assert layers(store) == set()


async def test_an_image_in_use_is_not_removed_and_when_forced_only_loses_its_names(store: ImageStore, tmp_path: Path):
    await store.load(archive(tmp_path, (["a"], [ONE])))
    [image] = await store.list()
    for reference in ("a", image.id):
        with pytest.raises(ImageInUse, match="is being used by a container"):
            await store.remove(reference, in_use={image.id})
    await store.remove("a", in_use={image.id}, force=True)
    assert store.find("a") is None
    assert len(layers(store)) == 1
    assert await store.prune({image.id}) == ([], 0)
    assert await store.prune(set()) == ([image.id], 1)
    assert layers(store) == set()


async def test_pruning_frees_what_nobody_uses(store: ImageStore, tmp_path: Path):
    await store.load(archive(tmp_path, (["a"], [BASE, ONE]), (["b"], [BASE, TWO])))
    keep = store.find("b")
    assert keep is not None
    assert await store.prune({keep.id}) == (["docker.io/library/a:latest"], 1)
    assert [i.id for i in await store.list()] == [keep.id]


async def test_a_restart_finds_everything_and_clears_what_a_crash_left(store: ImageStore, tmp_path: Path):
    await store.load(archive(tmp_path, (["a"], [ONE])))
    before = await store.list()
    (tmp_path / "images/layers/deadbeef").mkdir()
    (tmp_path / "images/tmp/half").mkdir()
    again = ImageStore(tmp_path / "images")
    await again.start()
    assert await again.list() == before
    assert len(layers(again)) == 1
    assert os.listdir(tmp_path / "images/tmp") == []


async def test_a_layer_in_the_index_that_no_image_has_is_dropped_at_start(store: ImageStore, tmp_path: Path):
    await store.load(archive(tmp_path, (["a"], [ONE])))
    held = index.load(tmp_path / "images")
    held.images.clear()
    index.write(tmp_path / "images", index.encode(held))
    again = ImageStore(tmp_path / "images")
    await again.start()
    assert layers(again) == set()
    await again.load(archive(tmp_path, (["a"], [ONE])))
    assert len(layers(again)) == 1


async def test_a_broken_index_is_said_and_nothing_is_cleared(store: ImageStore, tmp_path: Path):
    await store.load(archive(tmp_path, (["a"], [ONE])))
    (tmp_path / "images/index.json").write_text("{}")
    again = ImageStore(tmp_path / "images")
    with pytest.raises(ValueError, match=r"index\.json can't be understood"):
        await again.start()
    assert len(layers(store)) == 1


class Failing(HostProcesses):
    """Fails the first, runs the others."""

    def __init__(self) -> None:
        self.failures = 1

    async def run(self, argv, **options):  # type: ignore[no-untyped-def]
        if self.failures:
            self.failures -= 1
            await asyncio.sleep(0)
            return Completed(tuple(argv), 1, b"", b"disk full")
        return await super().run(argv, **options)


async def test_who_waits_for_a_layer_that_another_fails_to_unpack_does_it_itself(tmp_path: Path):
    store = ImageStore(tmp_path / "images", Failing())
    await store.start()
    path = archive(tmp_path, (["a"], [ONE]))
    results = await asyncio.gather(store.load(path), store.load(path), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["ImageError", "list"]
    assert len(layers(store)) == 1

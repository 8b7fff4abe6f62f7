"""Layers come from strangers: nothing in one may reach out of the folder that it is unpacked into."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from kubelet.images import blobs
from kubelet.images.unpack import OPAQUE, Refused, run, unpack
from tests.unit.images.layers import entry, folder, hard, link, sha, tar

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="overlayfs's attributes and owners are root's to set")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    found = tmp_path / "layer"
    found.mkdir()
    return found


def into(target: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> int:
    return unpack(io.BytesIO(tar(*entries)), str(target), owners=ROOT)


def untouched(target: Path) -> None:
    outside = target.parent / "outside"
    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").read_text() == "secret"
    assert sorted(os.listdir(target.parent)) == ["layer", "outside"]


def test_files_folders_and_links_arrive_with_modes_and_times(target: Path):
    size = into(
        target,
        folder("./bin", 0o555),
        entry("bin/tool", b"#!tool", mode=0o4755, mtime=1_000_000),
        link("bin/same", "tool"),
        hard("bin/other", "bin/tool"),
        entry("deep/er/file", b"x"),
        folder("tmp", 0o1777, mtime=5),
        entry("pipe", type=tarfile.FIFOTYPE, mode=0o600),
    )
    assert size == 7
    assert stat.S_IMODE((target / "bin").stat().st_mode) == 0o555
    assert stat.S_IMODE((target / "bin/tool").stat().st_mode) == 0o4755
    assert (target / "bin/tool").stat().st_mtime == 1_000_000
    assert os.readlink(target / "bin/same") == "tool"
    assert (target / "bin/other").stat().st_ino == (target / "bin/tool").stat().st_ino
    assert (target / "deep/er/file").read_bytes() == b"x"
    assert stat.S_IMODE((target / "tmp").stat().st_mode) == 0o1777
    assert (target / "tmp").stat().st_mtime == 5
    assert stat.S_ISFIFO((target / "pipe").stat().st_mode)


@needs_root
def test_owners_and_capabilities_are_kept_but_not_what_is_overlayfss(target: Path):
    headers = {"SCHILY.xattr.user.mine": "yes", "SCHILY.xattr.trusted.overlay.redirect": "/etc"}
    into(target, entry("a", b"x", uid=1000, gid=2000, pax_headers=headers))
    assert ((target / "a").stat().st_uid, (target / "a").stat().st_gid) == (1000, 2000)
    assert os.listxattr(target / "a") == ["user.mine"]


@pytest.mark.parametrize("name", ["../outside/x", "a/../../outside/x", "../../etc/x", "a/b/../../../outside/x"])
def test_dots_that_lead_out_are_refused(target: Path, name: str):
    with pytest.raises(Refused, match="leads out of the layer"):
        into(target, folder("a"), entry(name, b"evil"))
    untouched(target)


def test_an_absolute_name_is_below_the_layer(target: Path):
    into(target, entry("/etc/x", b"fine"))
    assert (target / "etc/x").read_bytes() == b"fine"


@pytest.mark.parametrize("where", ["..", "../outside", "ABSOLUTE"])
def test_a_link_out_is_kept_but_never_followed(target: Path, where: str):
    where = str(target.parent / "outside") if where == "ABSOLUTE" else where
    with pytest.raises((Refused, OSError)):
        into(target, link("way", where), entry("way/secret", b"evil"), entry("way/more/x", b"evil"), entry("q/x"))
        # ".." of the layer's root is the root: what went there is inside.
        assert where == ".."
        raise Refused
    untouched(target)


def test_a_link_within_the_layer_is_followed(target: Path):
    into(
        target, folder("usr/lib"), link("lib", "/usr/lib"), entry("lib/a", b"1"), link("l2", "lib"), entry("l2/b", b"2")
    )
    assert sorted(os.listdir(target / "usr/lib")) == ["a", "b"]


def test_a_file_is_not_written_through_a_link_at_its_name(target: Path):
    into(target, link("a", str(target.parent / "outside/secret")), entry("a", b"new"))
    assert not (target / "a").is_symlink()
    assert (target / "a").read_bytes() == b"new"
    untouched(target)


def test_a_folder_does_not_take_the_mode_of_what_a_link_points_to(target: Path):
    outside = target.parent / "outside"
    before = outside.stat().st_mode
    into(target, folder("a", 0o777), link("a", str(outside)))
    assert outside.stat().st_mode == before
    untouched(target)


def test_a_hard_link_out_of_the_layer_is_refused(target: Path):
    for where in ("../outside/secret", "/../outside/secret"):
        with pytest.raises(Refused, match="link out of the layer"):
            into(target, hard("a", where))
    with pytest.raises(Refused, match="isn't there"):
        into(target, hard("a", str(target.parent / "outside/secret")))


def test_a_hard_link_through_a_link_stays_inside(target: Path):
    with pytest.raises((Refused, OSError)):
        into(target, link("way", str(target.parent / "outside")), hard("a", "way/secret"))
    untouched(target)


def test_a_link_in_place_of_a_folder_is_noticed_though_the_folder_was_open(target: Path):
    outside = str(target.parent / "outside")
    with pytest.raises((Refused, OSError)):
        into(target, folder("a/b"), entry("a/b/x", b"1"), link("a", outside), entry("a/secret", b"evil"))
    untouched(target)


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round(target: Path):
    into(target, entry("a/b", b"1"), entry("a", b"2"), entry("c", b"3"), folder("c"), entry("c/d", b"4"))
    assert (target / "a").read_bytes() == b"2"
    assert (target / "c/d").read_bytes() == b"4"


def is_whiteout(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def test_whiteouts_become_overlayfss(target: Path):
    into(target, folder("a"), entry("a/.wh.gone"), entry(".wh.top"), entry(".wh..wh.aufs"))
    assert is_whiteout(target / "a/gone")
    assert is_whiteout(target / "top")
    assert sorted(os.listdir(target)) == ["a", "top"]


def test_a_whiteout_that_names_nothing_is_refused(target: Path):
    for name in (".wh.", ".wh..", ".wh..."):
        with pytest.raises(Refused):
            into(target, entry(name))


@needs_root
def test_opaque_folders_become_overlayfss(target: Path):
    into(target, folder("a"), entry("a/.wh..wh..opq"), entry("a/new", b"1"))
    assert os.getxattr(target / "a", OPAQUE) == b"y"
    assert os.listdir(target / "a") == ["new"]


@needs_root
def test_a_folder_removed_and_made_again_is_opaque_whatever_comes_first(target: Path):
    into(target, entry(".wh.a"), folder("a"), entry("a/x"), folder("b"), entry("b/x"), entry(".wh.b"))
    for name in ("a", "b"):
        assert os.getxattr(target / name, OPAQUE) == b"y"
        assert os.listdir(target / name) == ["x"]


def test_a_whiteout_gives_way_to_a_file(target: Path):
    into(target, entry(".wh.a"), entry("a", b"new"))
    assert (target / "a").read_bytes() == b"new"


def job(path: Path, data: bytes, content: bytes, target: Path) -> dict[str, object]:
    path.write_bytes(b"before" + data + b"after")
    return {
        "path": str(path),
        "offset": 6,
        "size": len(data),
        "digest": sha(data),
        "diff_id": sha(content),
        "target": str(target),
    }


def zstd(data: bytes) -> bytes:
    import zstandard

    half = len(data) // 2
    compress = zstandard.ZstdCompressor().compress
    return compress(data[:half]) + compress(data[half:])


def two_gzips(data: bytes) -> bytes:
    return gzip.compress(data[:700]) + gzip.compress(data[700:])


@pytest.mark.parametrize("compress", [bytes, gzip.compress, two_gzips, zstd])
def test_compressed_layers_are_read_and_both_digests_checked(tmp_path: Path, compress):  # type: ignore[no-untyped-def]
    content = tar(entry("a", b"hello" * 1000))
    (tmp_path / "layer").mkdir()
    assert run(job(tmp_path / "blob", compress(content), content, tmp_path / "layer")) == 5000
    assert (tmp_path / "layer/a").read_bytes() == b"hello" * 1000


def test_a_layer_that_is_not_what_it_says_is_refused(tmp_path: Path):
    content = tar(entry("a", b"hello"))
    (tmp_path / "layer").mkdir()
    lying = job(tmp_path / "blob", gzip.compress(content), content, tmp_path / "layer")
    with pytest.raises(blobs.Corrupt, match="wrong diff id"):
        run({**lying, "diff_id": sha(b"other")})
    with pytest.raises(blobs.Corrupt, match="failed to validate blob"):
        run({**lying, "digest": sha(b"other")})

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubelet.pods.downward import Facts
from kubelet.references import References
from kubelet.volumes import atomic, hostpath, ownership, payloads, subpath
from kubelet.volumes.atomic import File
from kubelet.volumes.manager import Volumes, remove_tree
from kubelet.volumes.mounter import PlainMounter, mounts_below
from kubelet.volumes.problems import VolumeProblem, VolumesNotReady
from tests.unit.kubelet.fakes import NODE, FakeClient, container, pod

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
FACTS = Facts("192.168.0.1", ("10.0.0.2",), {"cpu": "2"})
PLAIN = PlainMounter()


class RecordingMounter(PlainMounter):
    """What would have been mounted and owned."""

    def __init__(self, mounted: list[Path] | None = None) -> None:
        self.mounted = mounted or []
        self.owned: list[tuple[str, int, int]] = []
        self.sizes: list[int | None] = []

    def tmpfs(self, path: Path, *, size: int | None = None, mode: int = 0o777) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.sizes.append(size)

    def own(self, path: Path, uid: int, gid: int, *, dir_fd: int | None = None) -> None:
        self.owned.append((path.name, uid, gid))

    def below(self, path: Path) -> list[Path]:
        return [m for m in self.mounted if m.is_relative_to(path)]


def write(target: Path, **files: str) -> bool:
    return atomic.write(target, {k: File(v.encode(), 0o640) for k, v in files.items()}, NOW, PLAIN)


def test_files_change_all_at_once(tmp_path: Path) -> None:
    assert write(tmp_path, a="1", b="2")
    first = os.readlink(tmp_path / "..data")
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert write(tmp_path, a="3")
    assert (tmp_path / "a").read_text() == "3"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "b").is_symlink()
    assert not (tmp_path / first).exists()
    assert os.readlink(tmp_path / "..data").startswith("..2026_01_01_12_00_00.")


def test_files_that_are_the_same_are_left_alone(tmp_path: Path) -> None:
    assert write(tmp_path, a="1")
    assert not write(tmp_path, a="1")


def test_files_may_be_in_folders(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"x/y": File(b"1", 0o644), "x/z": File(b"2", 0o644)}, NOW, PLAIN)
    assert (tmp_path / "x/y").read_text() == "1"
    assert os.readlink(tmp_path / "x") == "..data/x"


def test_the_fs_group_may_read_every_file(tmp_path: Path) -> None:
    mounter = RecordingMounter()
    atomic.write(tmp_path, {"a": File(b"1", 0o400)}, NOW, mounter, gid=2000)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o440
    assert ("a", -1, 2000) in mounter.owned


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "..a"])
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    assert atomic.validate_path(path)


def files(volume: dict[str, Any], objects: Any = None, **spec: Any) -> dict[str, File]:
    wanted = pod(metadata={"labels": {"app": "web"}}, **spec)
    tokens = dict.fromkeys(payloads.token_requests(wanted, volume), "token")
    return payloads.payload(wanted, volume, objects=objects or {}, tokens=tokens, facts=FACTS)


CM = {("configmap", "cm"): {"data": {"a": "1", "b": "2"}}}


def test_a_config_map_is_a_file_a_key() -> None:
    found = files({"name": "v", "configMap": {"name": "cm", "defaultMode": 0o600}}, CM)
    assert found == {"a": File(b"1", 0o600), "b": File(b"2", 0o600)}


def test_items_choose_keys_paths_and_modes() -> None:
    source = {"name": "cm", "items": [{"key": "a", "path": "x/a", "mode": 0o400}]}
    assert files({"name": "v", "configMap": source}, CM) == {"x/a": File(b"1", 0o400)}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        (
            {"configMap": {"name": "cm", "items": [{"key": "z", "path": "z"}]}},
            "configmap references non-existent config key: z",
        ),
        ({"projected": {"sources": [{"clusterTrustBundle": {}}]}}, "clusterTrustBundle is not supported"),
    ],
)
def test_what_is_missing_is_named(source: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeProblem, match=message):
        files({"name": "v", **source}, CM)


def test_what_is_optional_may_be_missing() -> None:
    assert files({"name": "v", "configMap": {"name": "gone", "optional": True}}) == {}


def test_a_projected_volume_joins_its_sources() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "cm", "items": [{"key": "a", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    found = files({"name": "v", "projected": {"sources": sources, "defaultMode": 0o644}}, CM)
    assert {name: f.content for name, f in found.items()} == {
        "token": b"token",
        "ca.crt": b"1",
        "namespace": b"default",
    }
    assert found["token"].mode == 0o644


def test_a_token_is_for_the_one_user_of_the_pod() -> None:
    sources = [{"serviceAccountToken": {"path": "token"}}]
    found = files({"name": "v", "projected": {"sources": sources}}, securityContext={"runAsUser": 1000})
    assert (found["token"].mode, found["token"].uid) == (0o600, 1000)


def test_the_downward_api_writes_labels() -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    assert files({"name": "v", "downwardAPI": {"items": items}})["labels"].content == b'app="web"'


@pytest.mark.parametrize(("kind", "words"), [("Directory", "a directory"), ("File", "a file"), ("Socket", "a socket")])
def test_host_path_checks_what_is_there(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(VolumeProblem, match=f"hostPath type check failed: .* is not {words}"):
        hostpath.check(str(tmp_path / "gone"), kind)


def test_host_path_makes_what_may_be_made(tmp_path: Path) -> None:
    hostpath.check(str(tmp_path / "a/b"), "DirectoryOrCreate")
    hostpath.check(str(tmp_path / "a/b/c"), "FileOrCreate")
    assert (tmp_path / "a/b/c").is_file()


def test_fs_group_is_given_everything_below_but_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/f").write_text("")
    (tmp_path / "outside").write_text("")
    (tmp_path / "outside").chmod(0o600)
    (tmp_path / "v/link").symlink_to(tmp_path / "outside")
    mounter = RecordingMounter()
    ownership.give(tmp_path / "v", pod(securityContext={"fsGroup": 2000}), mounter)
    assert {name for name, _, _ in mounter.owned} == {"v", "f", "link"}
    assert (tmp_path / "v/f").stat().st_mode & 0o660 == 0o660
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o600


def test_fs_group_is_not_led_astray_by_what_changes_meanwhile(tmp_path: Path) -> None:
    volume, outside = tmp_path / "v", tmp_path / "outside"
    for folder in (volume / "d", outside):
        folder.mkdir(parents=True)
        for name in ("x", "y"):
            (folder / name).write_text("")
            (folder / name).chmod(0o600)

    class Moving(RecordingMounter):
        def own(self, path: Path, uid: int, gid: int, *, dir_fd: int | None = None) -> None:
            super().own(path, uid, gid, dir_fd=dir_fd)
            if len(self.owned) == 1:
                # The file by a link, then its folder.
                (volume / "d" / path.name).unlink()
                (volume / "d" / path.name).symlink_to(outside / "x")
                (volume / "d").rename(volume / "was-d")
                (volume / "d").symlink_to(outside)

    ownership.give(volume, pod(securityContext={"fsGroup": 2000}), Moving())
    assert {(outside / name).stat().st_mode & 0o777 for name in ("x", "y")} == {0o600}


@pytest.mark.parametrize("path", ["/etc", "a/../../b"])
def test_a_sub_path_stays_inside(path: str) -> None:
    with pytest.raises(subpath.SubPathProblem):
        subpath.check(path)


def test_a_sub_path_through_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/out").symlink_to("/etc")
    with pytest.raises(OSError, match="Invalid cross-device link"):
        subpath.bind(tmp_path / "v", "out/passwd", tmp_path / "target", PLAIN)


def test_mounts_are_listed_deepest_first() -> None:
    info = "1 0 0:1 / /p rw - x\n2 1 0:2 / /p/a\\040b rw - x\n3 2 0:3 / /p/a\\040b/c rw - x\n4 0 0:4 / /pq rw - x\n"
    assert mounts_below(info, Path("/p")) == [Path("/p/a b/c"), Path("/p/a b"), Path("/p")]


def test_nothing_is_deleted_through_a_mount(tmp_path: Path) -> None:
    (tmp_path / "pod/volume").mkdir(parents=True)
    (tmp_path / "pod/volume/precious").write_text("data")
    with pytest.raises(OSError, match="still mounted"):
        remove_tree(tmp_path / "pod", RecordingMounter([tmp_path / "pod/volume"]))
    assert (tmp_path / "pod/volume/precious").exists()


def test_links_are_deleted_not_followed(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/precious").write_text("data")
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod/link").symlink_to(tmp_path / "host")
    remove_tree(tmp_path / "pod", PLAIN)
    assert (tmp_path / "host/precious").exists()


def node() -> dict[str, Any]:
    return {"metadata": {"name": NODE, "labels": {}}, "spec": {}, "status": {}}


def volumes_of(tmp_path: Path, client: FakeClient, mounter: Any = PLAIN) -> Volumes:
    references = References(client, lambda uid: None)  # type: ignore[arg-type]
    return Volumes(tmp_path, client, references, mounter, now=lambda: NOW, node=node)  # type: ignore[arg-type]


def claim(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "data", "namespace": "default", "uid": "c"},
        "spec": {"volumeName": "pv", **changes.pop("spec", {})},
        "status": {"phase": "Bound"},
        **changes,
    }


CLAIMING = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}


async def test_a_claim_is_the_folder_of_its_volume(tmp_path: Path) -> None:
    client = FakeClient()
    client.put("persistentvolumeclaims", claim())
    spec = {"claimRef": {"uid": "c"}, "hostPath": {"path": str(tmp_path)}}
    client.put("persistentvolumes", {"metadata": {"name": "pv"}, "spec": spec})
    found = await volumes_of(tmp_path, client).ensure(pod(**CLAIMING), FACTS)
    assert found["data"].path == str(tmp_path)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'),
        (claim(status={"phase": "Pending"}), "PVC is not bound"),
        (claim(spec={"volumeMode": "Block"}), "volumeMode Block is not supported"),
    ],
)
async def test_a_claim_that_cannot_be_used_is_named(tmp_path: Path, document: Any, words: str) -> None:
    client = FakeClient()
    if document:
        client.put("persistentvolumeclaims", document)
    with pytest.raises(VolumesNotReady) as caught:
        await volumes_of(tmp_path, client).ensure(pod(**CLAIMING), FACTS)
    (message,) = caught.value.events
    assert message.startswith("Unable to attach or mount volumes: unmounted volumes=[data]")
    assert words in message


async def test_an_empty_folder_in_memory_is_as_large_as_its_limit(tmp_path: Path) -> None:
    mounter = RecordingMounter()
    spec = {"volumes": [{"name": "m", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]}
    found = await volumes_of(tmp_path, FakeClient(), mounter).ensure(pod(**spec), FACTS)
    assert mounter.sizes == [8 << 20]
    assert Path(found["m"].path).stat().st_mode & 0o777 == 0o777


async def test_a_kind_of_volume_that_is_unknown_is_refused_by_name(tmp_path: Path) -> None:
    spec = {"volumes": [{"name": "n", "nfs": {"server": "x"}}]}
    with pytest.raises(VolumesNotReady, match='for volume "n" : no volume plugin matched: nfs is not supported'):
        await volumes_of(tmp_path, FakeClient()).ensure(pod(**spec), FACTS)


async def test_volumes_come_and_go(tmp_path: Path) -> None:
    volumes = volumes_of(tmp_path, FakeClient())
    await volumes.start()
    wanted = pod(volumes=[{"name": "e", "emptyDir": {}}], containers=[container()])
    await volumes.ensure(wanted, FACTS)
    assert volumes.pods() == {"uid-web"}
    await volumes.remove("uid-web")
    await volumes.remove("uid-web")
    assert volumes.pods() == set()

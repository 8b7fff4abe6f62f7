"""A cluster's addresses collide with nothing, and its file is read strictly."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest
import yaml

from knarr import components, lifecycle, processes, provision, settings
from knarr import config as configs
from knarr.errors import DataDamaged, NoAddressRange, ProfileConflict, ProfileInvalid
from knarr.nodes import nodes
from knarr.paths import ClusterPaths


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KNARR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_first_cluster_has_the_ranges_that_everybody_knows() -> None:
    assert configs.cidrs(configs.free_slot([], [])) == ("10.244.0.0/16", "10.96.0.0/16")


def test_a_route_of_the_host_keeps_a_range_from_being_chosen() -> None:
    assert configs.free_slot([], ["10.244.3.0/24"]) == 1
    assert configs.free_slot([1], ["10.96.0.0/16"]) == 2


def test_a_host_that_routes_all_of_ten_has_no_range_for_us() -> None:
    with pytest.raises(NoAddressRange):
        configs.free_slot([], ["10.0.0.0/8"])


def test_no_two_slots_overlap() -> None:
    ranges = [ipaddress.ip_network(c) for slot in range(configs.SLOTS) for c in configs.cidrs(slot)]
    assert not any(a.overlaps(b) for i, a in enumerate(ranges) for b in ranges[:i])


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "a" * 41])
def test_a_profile_that_could_not_name_a_file_or_a_table_is_refused(name: str) -> None:
    with pytest.raises(ProfileInvalid):
        ClusterPaths.of(name)


def test_a_second_cluster_shares_neither_ports_nor_ranges_nor_links_with_the_first() -> None:
    first_paths, second_paths = ClusterPaths.of("one"), ClusterPaths.of("two")
    first = provision.choose(first_paths, runtime="native")
    configs.save(first_paths, first)
    second = provision.choose(second_paths, runtime="native")
    for key in ("slot", "pod_cidr", "service_cidr", "api_port", "kubelet_port", "link_prefix", "node_ip", "table"):
        assert getattr(first, key) != getattr(second, key)
    assert second.node_port_addresses == (f"{second.node_ip}/32",)


def test_what_was_chosen_is_kept_and_the_runtime_cannot_change() -> None:
    paths = ClusterPaths.of("one")
    configs.save(paths, provision.choose(paths, runtime="simulated", api_port=7443))
    again = provision.choose(paths, runtime=None)
    assert (again.runtime, again.api_port) == ("simulated", 7443)
    with pytest.raises(ProfileConflict):
        provision.choose(paths, runtime="native")


@pytest.mark.parametrize("text", ["{", "[]", '{"profile": "x"}'])
def test_a_damaged_file_is_named_and_not_overwritten(text: str) -> None:
    paths = ClusterPaths.of("one")
    paths.root.mkdir(parents=True)
    paths.config.write_text(text)
    with pytest.raises(DataDamaged, match=r"cluster\.json"):
        configs.load(paths)
    assert paths.config.read_text() == text


def test_provisioning_twice_issues_nothing_anew(home: Path) -> None:
    paths = ClusterPaths.of("one")
    config = provision.choose(paths, runtime="simulated")
    provision.provision(config, paths)
    before = {f: f.read_bytes() for f in paths.pki.iterdir()}
    provision.provision(config, paths)
    assert {f: f.read_bytes() for f in paths.pki.iterdir()} == before


def test_a_new_address_gets_a_new_server_certificate_and_the_ca_stays(home: Path) -> None:
    paths = ClusterPaths.of("one")
    config = provision.choose(paths, runtime="simulated")
    provision.provision(config, paths)
    before = {f.name: f.read_bytes() for f in paths.pki.iterdir()}
    provision.provision(provision.kept(config, runtime=None, api_port=None, listen=("192.0.2.9",)), paths)
    after = {f.name: f.read_bytes() for f in paths.pki.iterdir()}
    assert {n for n in after if before[n] != after[n]} == {"apiserver.crt", "apiserver.key"}


def test_every_program_accepts_the_settings_that_it_is_given(home: Path) -> None:
    import importlib

    paths = ClusterPaths.of("one")
    config = provision.choose(paths, runtime="native", nodes=2)
    provision.provision(config, paths)
    for component in settings.documents(config, paths):
        program = component.partition("-")[0]
        importlib.import_module(f"{program}.settings").Settings.load(paths.settings(component))
        assert json.loads(paths.settings(component).read_text())


def test_further_nodes_have_names_ranges_certificates_and_folders_of_their_own(home: Path) -> None:
    paths = ClusterPaths.of("one")
    config = provision.choose(paths, runtime="native", nodes=3)
    found = nodes(config)
    assert [n.name for n in found] == ["one", "one-m02", "one-m03"]
    assert len({n.ip for n in found}) == len({n.pod_cidr for n in found}) == 3
    assert components.names(config)[2:] == ("kubelet", "kubelet-m02", "kubelet-m03")
    provision.provision(config, paths)
    told = settings.documents(config, paths)
    for key in ("node_name", "kubeconfig", "root_dir", "images_dir", "run_dir", "tls_cert", "pod_cidr", "cgroup_root"):
        assert len({told[n.component][key] for n in found}) == 3, key
    server = yaml.safe_load(paths.kubeconfig("kubelet-m02").read_text())["clusters"][0]["cluster"]["server"]
    assert server == f"https://{config.advertise_address}:{config.api_port}"


def test_a_cluster_may_grow_but_not_shrink() -> None:
    paths = ClusterPaths.of("one")
    configs.save(paths, provision.choose(paths, runtime="simulated", nodes=2))
    assert provision.choose(paths, runtime=None, nodes=3).nodes == 3
    assert provision.choose(paths, runtime=None).nodes == 2
    with pytest.raises(ProfileConflict, match="2 nodes"):
        provision.choose(paths, runtime=None, nodes=1)


def test_simulated_nodes_listen_on_loopback_addresses_of_their_own() -> None:
    found = nodes(provision.choose(ClusterPaths.of("one"), runtime="simulated", nodes=2))
    assert [(n.ip, n.namespace) for n in found] == [("127.0.0.1", None), ("127.0.0.2", None)]


def test_settings_of_an_older_version_are_written_anew_before_a_teardown_reads_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ClusterPaths.of("one")
    config = provision.choose(paths, runtime="simulated")
    provision.provision(config, paths)
    paths.settings("kubelet").write_text('{"node_name": "one"}')
    read: list[str] = []

    def run(command: list[str], *, timeout: float) -> tuple[int, str]:
        read.append(json.loads(Path(command[command.index("--settings") + 1]).read_text())["runtime"])
        return 0, ""

    monkeypatch.setattr(processes, "run", run)
    lifecycle.stop("one", say=lambda step, what: None)
    assert read == ["simulated"]

"""Addresses of pods, and settings of the machine that are put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelet.network import sysctls
from kubelet.network.addresses import Addresses, PodRecord, RangeExhausted


def record(uid: str, address: str) -> PodRecord:
    return PodRecord(uid, "default", uid, address, "ns", "link")


def test_addresses_are_given_in_turn_and_not_again_at_once(tmp_path: Path) -> None:
    addresses = Addresses(tmp_path, "10.244.0.0/29")
    first = addresses.allocate()
    assert first == "10.244.0.2" and addresses.gateway == "10.244.0.1"
    addresses.release(first)
    assert addresses.allocate() == "10.244.0.3"


def test_a_full_range_says_so_and_a_released_address_is_found_again(tmp_path: Path) -> None:
    addresses = Addresses(tmp_path, "10.244.0.0/29")
    given = [addresses.allocate() for _ in range(5)]
    assert given == [f"10.244.0.{i}" for i in range(2, 7)]
    with pytest.raises(RangeExhausted):
        addresses.allocate()
    addresses.release("10.244.0.4")
    assert addresses.allocate() == "10.244.0.4"


def test_what_was_given_is_known_to_the_next_process_and_a_torn_file_is_dropped(tmp_path: Path) -> None:
    first = Addresses(tmp_path, "10.244.0.0/24")
    first.keep(record("u", "10.244.0.2"))
    (tmp_path / "torn.json").write_text("{")
    second = Addresses(tmp_path, "10.244.0.0/24")
    second.load()
    assert second.records["u"].address == "10.244.0.2"
    assert second.allocate() == "10.244.0.3"
    assert not (tmp_path / "torn.json").exists()
    second.forget("u")
    assert not list(tmp_path.glob("*.json"))


def test_a_setting_is_put_back_by_the_last_cluster_that_needed_it(tmp_path: Path) -> None:
    records, tree = tmp_path / "records.json", tmp_path / "sys"
    (tree / "net").mkdir(parents=True)
    setting = tree / "net" / "forwarding"
    setting.write_text("0\n")
    for user in ("one", "two"):
        sysctls.ensure(user, {"net/forwarding": "1"}, records=records, sysctl=tree)
    assert setting.read_text() == "1"
    sysctls.remove("one", records=records, sysctl=tree)
    assert setting.read_text() == "1"
    sysctls.remove("two", records=records, sysctl=tree)
    assert setting.read_text() == "0" and not records.exists()


def test_a_setting_that_was_right_before_is_nobodys(tmp_path: Path) -> None:
    records, tree = tmp_path / "records.json", tmp_path
    (tree / "setting").write_text("1\n")
    sysctls.ensure("one", {"setting": "1"}, records=records, sysctl=tree)
    assert not records.exists()

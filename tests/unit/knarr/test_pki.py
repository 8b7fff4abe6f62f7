"""Certificates are issued for what they serve, renewed in time, and mended after a start that was cut off."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from knarr import pki, provision
from knarr.errors import DataDamaged
from knarr.paths import ClusterPaths

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LEAF = pki.Leaf("web", "web", names=("localhost", "127.0.0.1"), client=False, server=True)


def made(folder: Path, *, now: datetime.datetime = NOW) -> dict[str, bytes]:
    pki.ensure(folder, (LEAF,), now=now)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def renewed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name for name in after if before[name] != after[name]}


def test_nothing_is_issued_anew_while_it_serves(tmp_path: Path) -> None:
    before = made(tmp_path)
    assert renewed(before, made(tmp_path, now=NOW + datetime.timedelta(days=365))) == set()


def test_a_certificate_is_renewed_a_month_before_it_expires(tmp_path: Path) -> None:
    before = made(tmp_path)
    late = NOW + datetime.timedelta(days=365 * pki.YEARS - 29)
    assert renewed(before, made(tmp_path, now=late)) == {"web.crt", "web.key"}


def test_a_certificate_of_the_future_is_renewed(tmp_path: Path) -> None:
    before = made(tmp_path)
    assert renewed(before, made(tmp_path, now=NOW - datetime.timedelta(days=3))) == {"web.crt", "web.key"}


@pytest.mark.parametrize("file", ["web.crt", "web.key"])
def test_half_of_a_file_is_replaced(tmp_path: Path, file: str) -> None:
    before = made(tmp_path)
    (tmp_path / file).write_bytes(before[file][:60])
    assert renewed(before, made(tmp_path)) == {"web.crt", "web.key"}


def test_a_key_beside_the_certificate_of_an_earlier_one_is_replaced(tmp_path: Path) -> None:
    before = made(tmp_path / "one")
    (tmp_path / "one/web.key").write_bytes(made(tmp_path / "two")["web.key"])
    assert renewed(before, made(tmp_path / "one")) == {"web.crt", "web.key"}


@pytest.mark.parametrize("damage", [b"-----BEGIN", None])
def test_a_ca_that_cannot_be_used_is_named_and_kept(tmp_path: Path, damage: bytes | None) -> None:
    folder = tmp_path / "one"
    made(folder)
    wrong = made(tmp_path / "two")["ca.crt"] if damage is None else damage
    (folder / "ca.crt").write_bytes(wrong)
    with pytest.raises(DataDamaged, match=r"ca\.crt"):
        made(folder)
    assert (folder / "ca.crt").read_bytes() == wrong


def test_servers_cannot_pass_for_clients_nor_leaves_for_a_ca(tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(made(tmp_path)["web.crt"])
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_nobody_else_looks_into_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNARR_HOME", str(tmp_path))
    paths = ClusterPaths.of("one")
    # As an earlier version made it.
    paths.root.mkdir(mode=0o755)
    provision.provision(provision.choose(paths, runtime="simulated"), paths)
    assert stat.S_IMODE(paths.root.stat().st_mode) == 0o700
    secret = [*paths.pki.glob("*.key"), *(paths.root / "kubeconfig").iterdir(), *(paths.root / "settings").iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in secret} == {0o600}


def test_whom_other_servers_believe_is_of_an_authority_of_its_own(tmp_path: Path) -> None:
    leaves = pki.leaves(node_name="n", node_ip="10.0.0.1", api_service_ip="10.96.0.1")
    pki.ensure(tmp_path, leaves, now=NOW)
    files = ("ca", "front-proxy-ca", "front-proxy-client", "admin")
    ca, front, client, admin = (x509.load_pem_x509_certificate((tmp_path / f"{f}.crt").read_bytes()) for f in files)
    client.verify_directly_issued_by(front)
    admin.verify_directly_issued_by(ca)
    assert front.subject != ca.subject and front.public_key() != ca.public_key()
    assert client.subject.rfc4514_string() == "CN=front-proxy-client"
    assert set(extended_usages(client)) == {ExtendedKeyUsageOID.CLIENT_AUTH}


def extended_usages(certificate: x509.Certificate) -> x509.ExtendedKeyUsage:
    return certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

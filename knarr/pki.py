"""The cluster's certificates: one CA and a leaf for each identity, as kubeadm lays them out, on P-256 keys."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from knarr.errors import DataDamaged
from knarr.files import write_atomically

YEARS = 10
RENEW_WITHIN = datetime.timedelta(days=30)
CLUSTER_CA, FRONT_PROXY_CA = "ca", "front-proxy-ca"
"""Files without their endings. The second signs only who may tell aggregated API servers who asks, as in kubeadm: no
client of the cluster may have a certificate of it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate to issue: ``file`` without its ending, ``names`` DNS names or addresses it serves."""

    file: str
    common_name: str
    organizations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    client: bool = True
    server: bool = False
    authority: str = CLUSTER_CA


def leaves(*, node_name: str, node_ip: str, api_service_ip: str, listen: Sequence[str] = ()) -> tuple[Leaf, ...]:
    """Every identity of a cluster."""
    api_names = (
        "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
        "localhost", node_name, "127.0.0.1", "::1", api_service_ip, node_ip, *listen,
    )  # fmt: skip
    return (
        Leaf("apiserver", "kube-apiserver", names=api_names, client=False, server=True),
        Leaf("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
        *node_leaves(node_name, node_ip),
        Leaf("controllers", "system:kube-controller-manager"),
        Leaf("admin", "kubernetes-admin", ("system:masters",)),
        Leaf("front-proxy-client", "front-proxy-client", authority=FRONT_PROXY_CA),
    )  # fmt: skip


def node_leaves(name: str, ip: str, *, suffix: str = "") -> tuple[Leaf, ...]:
    """The identities of one node's kubelet."""
    names = ("localhost", name, "127.0.0.1", "::1", ip)
    return (
        Leaf(f"kubelet{suffix}", f"{name}-serving", names=names, client=False, server=True),
        Leaf(f"kubelet-client{suffix}", f"system:node:{name}", ("system:nodes",)),
    )


def ensure(folder: Path, wanted: Sequence[Leaf], *, now: datetime.datetime) -> None:
    """Make what is missing, about to expire, or issued for other names. CAs and the token key are never replaced."""
    authorities = {name: _ensure_ca(folder, name, now=now) for name in (CLUSTER_CA, FRONT_PROXY_CA)}
    for leaf in wanted:
        ca_key, ca = authorities[leaf.authority]
        if not _serves(folder / f"{leaf.file}.crt", leaf, ca, now=now):
            _issue(folder, leaf, ca, ca_key, now=now)
    if not (folder / "sa.pub").exists() or not (folder / "sa.key").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_atomically(folder / "sa.key", _pem_key(key), durable=True)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_atomically(folder / "sa.pub", public, mode=0o644, durable=True)


def _ensure_ca(
    folder: Path, name: str, *, now: datetime.datetime
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, file = folder / f"{name}.key", folder / f"{name}.crt"
    if key_file.exists() and file.exists():
        return _load_ca(key_file, file)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"knarr-{name}")])
    usage = x509.KeyUsage(True, False, True, False, False, True, True, False, False)
    ca = (
        _builder(subject, subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The certificate goes last: a folder with ca.crt but no ca.key would look finished.
    write_atomically(key_file, _pem_key(key), durable=True)
    write_atomically(file, ca.public_bytes(serialization.Encoding.PEM), mode=0o644, durable=True)
    return key, ca


def _load_ca(key_file: Path, file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Raises DataDamaged: whoever trusts this CA would not trust another."""
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as error:
        raise _damaged(file, f"cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _damaged(file, f"does not belong to {key_file}")
    return key, certificate


def _damaged(file: Path, why: str) -> DataDamaged:
    profile = file.parent.parent.name
    return DataDamaged(f"{file} {why}", f"put both files of the CA back from a copy, or: knarr delete -p {profile}")


def _serves(file: Path, leaf: Leaf, ca: x509.Certificate, *, now: datetime.datetime) -> bool:
    if not file.exists() or not file.with_suffix(".key").exists():
        return False
    try:
        found = x509.load_pem_x509_certificate(file.read_bytes())
        key = serialization.load_pem_private_key(file.with_suffix(".key").read_bytes(), None)
    except ValueError:
        return False  # half of a file: issue anew
    # A start that ended between the two writes leaves a new key beside the old certificate.
    if found.public_key() != key.public_key() or found.issuer != ca.subject:
        return False
    # A clock that was set back makes certificates of the future, which nobody accepts.
    if found.not_valid_after_utc - now < RENEW_WITHIN or found.not_valid_before_utc > now:
        return False
    try:
        found.verify_directly_issued_by(ca)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return found.subject == _subject(leaf) and not leaf.names
    except Exception:  # noqa: BLE001 - a signature of another CA, whatever its form: issue anew
        return False
    return found.subject == _subject(leaf) and set(names) == set(_alternative_names(leaf))


def _issue(
    folder: Path, leaf: Leaf, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, *, now: datetime.datetime
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] * leaf.client + [ExtendedKeyUsageOID.SERVER_AUTH] * leaf.server
    builder = (
        _builder(_subject(leaf), ca.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if leaf.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternative_names(leaf)), critical=False)
    certificate = builder.sign(ca_key, hashes.SHA256())
    write_atomically(folder / f"{leaf.file}.key", _pem_key(key), durable=True)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    write_atomically(folder / f"{leaf.file}.crt", pem, mode=0o644, durable=True)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # Clocks of a VM and its host differ; an hour of slack keeps a fresh certificate from being "not yet valid".
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
    )


def _subject(leaf: Leaf) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in leaf.organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)])


def _alternative_names(leaf: Leaf) -> list[x509.GeneralName]:
    return [_alternative_name(n) for n in dict.fromkeys(leaf.names)]


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

"""The effects ``review_access`` and ``sign_certificate``: what approving and signing a certificate take beside objects.

The CA's key is read for each certificate and not kept.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apiclient.reflector import tidy
from apimachinery import kinds as table
from controllers.certificates.approving import REVIEWS
from controllers.certificates.requests import REQUESTS
from controllers.engine.effects import Perform, Surroundings

BACKDATE = timedelta(minutes=5)
"""For clocks that are behind."""
SHORT = timedelta(hours=8)
"""A shorter life is not shortened by the backdating."""


async def review_access(arguments: dict[str, Any], around: Surroundings) -> None:
    """``name`` and ``uid`` of what it is about; ``specs`` of SubjectAccessReviews by name: the first allowed is noted.

    Raises StatusError and Unreachable."""
    kind = table.named("subjectaccessreviews.authorization.k8s.io")
    allowed = ""
    for name, spec in arguments["specs"].items():
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}, "spec": spec}
        answer = await around.client.create(kind, "", body)
        if (answer.get("status") or {}).get("allowed"):
            allowed = name
            break
    at = time.time()
    note = {"uid": arguments["uid"], "at": at, "allowed": allowed}
    # A pseudo-object needs a version that grows.
    for old in around.cache.list(REVIEWS):
        if around.cache.get(REQUESTS, "", old["metadata"]["name"]) is None:
            around.cache.remove(REVIEWS, old)
    around.cache.put(REVIEWS, {**note, "metadata": {"name": arguments["name"], "resourceVersion": str(int(at * 1e6))}})


def effects(ca_file: str, ca_key: str) -> Mapping[str, Perform]:
    """``ca_file`` and ``ca_key``: PEM."""

    async def sign_certificate(arguments: dict[str, Any], around: Surroundings) -> None:
        """For the request ``name`` of ``uid``, valid for ``seconds``. Raises OSError, ValueError, StatusError."""
        found = around.cache.get(REQUESTS, "", arguments["name"])
        if found is None or found["metadata"]["uid"] != arguments["uid"]:
            return
        request = base64.b64decode(found["spec"]["request"])
        life = timedelta(seconds=arguments["seconds"])
        usages = found["spec"].get("usages") or []
        pem = await asyncio.to_thread(_sign_with_files, Path(ca_file), Path(ca_key), request, usages, life)
        status = {**(found.get("status") or {}), "certificate": base64.b64encode(pem).decode()}
        kind = around.kinds.named(REQUESTS)
        answer = await around.client.update(kind, {**found, "status": status}, subresource="status")
        tidy(answer, kind)
        around.cache.put(REQUESTS, answer)

    return {"review_access": review_access, "sign_certificate": sign_certificate}


def _sign_with_files(ca_file: Path, ca_key: Path, request: bytes, usages: list[str], life: timedelta) -> bytes:
    return sign(ca_file.read_bytes(), ca_key.read_bytes(), request, usages, life, datetime.now(UTC))


def sign(ca_pem: bytes, key_pem: bytes, request: bytes, usages: list[str], life: timedelta, now: datetime) -> bytes:
    """The certificate, in PEM. Raises ValueError for a request that is not signed by its own key, or a CA at its end.

    Source: pkg/controller/certificates/authority (PermissiveSigningPolicy).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.x509.oid import ExtendedKeyUsageOID

    asked = x509.load_pem_x509_csr(request)
    if not asked.is_signature_valid:
        raise ValueError("unable to verify certificate request signature")
    ca = x509.load_pem_x509_certificate(ca_pem)
    key: Any = serialization.load_pem_private_key(key_pem, None)
    start, last = now - BACKDATE, ca.not_valid_after_utc
    if now >= last:
        raise ValueError(f"refusing to sign a certificate that expired in the past: NotAfter={last}")
    end = min(now + life if life < SHORT else start + life, last)
    builder = (
        x509.CertificateBuilder(ca.subject, asked.subject, asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False)  # type: ignore[arg-type]
    )
    bits = ("digital signature" in usages, False, "key encipherment" in usages)
    if any(bits):
        builder = builder.add_extension(x509.KeyUsage(*bits, *([False] * 6)), critical=True)
    extended = {"client auth": ExtendedKeyUsageOID.CLIENT_AUTH, "server auth": ExtendedKeyUsageOID.SERVER_AUTH}
    purposes = [oid for name, oid in extended.items() if name in usages]
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    try:
        names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = builder.add_extension(names.value, critical=False)
    except x509.ExtensionNotFound:
        pass  # a client's certificate needs none
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)

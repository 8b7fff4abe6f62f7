"""CertificateSigningRequests: who is approved, what is signed, what is refused, and what goes when."""

from __future__ import annotations

import base64
import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controllers.certificates import approving, cleaning, requests, signing
from controllers.engine import certificates
from controllers.engine.effects import Surroundings
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
ALL = (approving.CONTROLLER, signing.CONTROLLER, cleaning.CONTROLLER)
KEY = ec.generate_private_key(ec.SECP256R1())
CLIENT_USAGES = ["digital signature", "client auth"]


def pem(name: str = "system:node:n", organization: str = "system:nodes", *names: x509.GeneralName) -> bytes:
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    builder = x509.CertificateSigningRequestBuilder(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def csr(signer: str, encoded: bytes | None = None, **spec: Any) -> Document:
    return {
        "metadata": {"name": "r"},
        "spec": {
            "request": base64.b64encode(encoded or pem()).decode(),
            "signerName": signer,
            "usages": CLIENT_USAGES,
            "username": "system:node:n",
            **spec,
        },
    }


def world(mode: str = MODES[0], *, allowed: str = "") -> World:
    effects: dict[str, Any] = {"review_access": None}
    made = World(ALL, mode=mode, effects=effects)

    async def review_access(arguments: Document, around: Surroundings) -> None:
        at = made.now().timestamp()
        found = allowed if allowed in arguments["specs"] else ""
        meta = {"name": arguments["name"], "resourceVersion": str(int(at))}
        around.cache.put(approving.REVIEWS, {"metadata": meta, "uid": arguments["uid"], "at": at, "allowed": found})

    async def sign_certificate(arguments: Document, around: Surroundings) -> None:
        found = around.cache.get(requests.REQUESTS, "", arguments["name"])
        assert found is not None
        status = {**(found.get("status") or {}), "certificate": "c2lnbmVk"}
        kind = around.kinds.named(requests.REQUESTS)
        around.cache.put(
            requests.REQUESTS, await around.client.update(kind, {**found, "status": status}, subresource="status")
        )

    effects |= {"review_access": review_access, "sign_certificate": sign_certificate}
    return made


def status(found: World) -> Document:
    return found.api.find(requests.REQUESTS, "r").get("status") or {}


def approve(found: World, **more: Any) -> None:
    stamp = found.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Approved", "status": "True", "reason": "x", "lastUpdateTime": stamp}
    obj = found.api.find(requests.REQUESTS, "r")
    found.api.change(requests.REQUESTS, obj, status={"conditions": [condition], **more})


@pytest.mark.parametrize("mode", MODES)
async def test_a_kubelet_that_may_gets_its_certificate_without_anybody_asking(mode: str) -> None:
    found = world(mode, allowed="selfnodeclient")
    found.api.add(requests.REQUESTS, csr(requests.KUBELET_CLIENT))
    await found.settle()
    [condition] = status(found)["conditions"]
    assert (condition["type"], condition["reason"]) == ("Approved", "AutoApproved")
    assert condition["message"] == "Auto approving self kubelet client certificate after SubjectAccessReview."
    assert status(found)["certificate"] == "c2lnbmVk"


async def test_who_may_not_waits_for_a_person_and_is_looked_at_again() -> None:
    found = world(allowed="selfnodeclient")
    found.api.add(requests.REQUESTS, csr(requests.KUBELET_CLIENT, username="bootstrap"))
    await found.advance(100)
    assert status(found) == {}
    approve(found)
    await found.settle()
    assert status(found)["certificate"]


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_not_approved_or_of_another_signer_is_not_signed(mode: str) -> None:
    found = world(mode)
    found.api.add(requests.REQUESTS, csr(requests.CLIENT))
    await found.settle()
    assert status(found) == {}
    other = csr("example.com/signer")
    other["metadata"]["name"] = "other"
    obj = found.api.add(requests.REQUESTS, other)
    found.api.change(requests.REQUESTS, obj, status={"conditions": [{"type": "Approved", "status": "True"}]})
    approve(found)
    await found.settle()
    assert status(found)["certificate"]
    assert "certificate" not in found.api.find(requests.REQUESTS, "other")["status"]


async def test_an_approved_request_that_its_signer_refuses_says_why() -> None:
    found = world()
    found.api.add(requests.REQUESTS, csr(requests.CLIENT, usages=["server auth"]))
    approve(found)
    await found.settle()
    failed = status(found)["conditions"][1]
    assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")
    assert failed["message"] == "invalid usage for client certificate: server auth"


async def test_requests_go_an_hour_after_they_are_settled_or_a_day_after_they_came() -> None:
    found = world()
    found.api.add(requests.REQUESTS, csr(requests.CLIENT))
    await found.advance(24 * 3600 - 1)
    assert found.api.all(requests.REQUESTS)
    await found.advance(2)
    assert found.api.all(requests.REQUESTS) == []
    found.api.add(requests.REQUESTS, csr("example.com/signer"))
    approve(found, certificate=base64.b64encode(b"no certificate").decode())
    await found.advance(3599)
    assert found.api.all(requests.REQUESTS)
    await found.advance(2)
    assert found.api.all(requests.REQUESTS) == []


SERVER_USAGES = ["key encipherment", "digital signature", "server auth"]
DNS, IP = x509.DNSName("n"), x509.IPAddress(ipaddress.ip_address("10.0.0.1"))


@pytest.mark.parametrize(
    ("signer", "encoded", "usages", "why"),
    [
        (requests.KUBELET_CLIENT, pem(), CLIENT_USAGES, ""),
        (requests.KUBELET_CLIENT, pem("n"), CLIENT_USAGES, "subject common name does not begin with system:node:"),
        (requests.KUBELET_CLIENT, pem(organization=""), CLIENT_USAGES, "subject organization is not system:nodes"),
        (requests.KUBELET_CLIENT, pem("system:node:n", "system:nodes", DNS), CLIENT_USAGES,
         "DNS subjectAltNames are not allowed"),
        (requests.KUBELET_CLIENT, pem(), SERVER_USAGES,
         "usages did not match [client auth digital signature key encipherment]"),
        (requests.KUBELET_SERVING, pem("system:node:n", "system:nodes", DNS, IP), SERVER_USAGES, ""),
        (requests.KUBELET_SERVING, pem(), SERVER_USAGES, "DNS or IP subjectAltName is required"),
        (requests.KUBELET_SERVING, pem("system:node:n", "system:nodes", DNS, x509.RFC822Name("a@b.c")), SERVER_USAGES,
         "Email subjectAltNames are not allowed"),
        (requests.CLIENT, pem("anybody", ""), CLIENT_USAGES, ""),
        (requests.CLIENT, pem("anybody", ""), ["digital signature"],
         "missing required usage for client certificate: client auth"),
    ],
)  # fmt: skip
def test_what_the_signers_sign(signer: str, encoded: bytes, usages: list[str], why: str) -> None:
    request = csr(signer, encoded, usages=usages)
    assert requests.refusal(request, requests.read(request)) == why


def authority(now: datetime) -> tuple[bytes, bytes, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(encoding, form, serialization.NoEncryption())
    return made.public_bytes(encoding), private, made


def test_a_certificate_has_the_names_and_usages_that_were_asked_for_and_no_longer_life_than_its_ca() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ca_pem, key_pem, ca = authority(now)
    asked = pem("system:node:n", "system:nodes", DNS, IP)
    made = x509.load_pem_x509_certificate(
        certificates.sign(ca_pem, key_pem, asked, SERVER_USAGES, timedelta(days=365), now)
    )
    made.verify_directly_issued_by(ca)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["n"]
    extended = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert made.not_valid_after_utc == now + timedelta(days=30)
    short = x509.load_pem_x509_certificate(
        certificates.sign(ca_pem, key_pem, asked, SERVER_USAGES, timedelta(minutes=10), now)
    )
    assert (short.not_valid_before_utc, short.not_valid_after_utc) == (
        now - timedelta(minutes=5),
        now + timedelta(minutes=10),
    )


def test_a_ca_at_its_end_signs_nothing() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ca_pem, key_pem, _ = authority(now)
    with pytest.raises(ValueError, match="refusing to sign a certificate that expired in the past"):
        certificates.sign(ca_pem, key_pem, pem(), CLIENT_USAGES, timedelta(days=1), now + timedelta(days=31))

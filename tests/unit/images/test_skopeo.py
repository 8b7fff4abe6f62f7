from __future__ import annotations

import hashlib

import pytest

from kubelet.images import references
from kubelet.images.skopeo import Denied, SignatureRejected, Skopeo, explain
from kubelet.processes import Completed
from tests.support.processes import RecordingProcesses

REFERENCE = references.parse("example.com/a:1")
START = 'failed to pull and unpack image "example.com/a:1": failed to resolve reference "example.com/a:1": '


def said(message: str) -> str:
    escaped = message.replace('"', '\\"')
    return f'time="2026-01-01T00:00:00Z" level=fatal msg="{escaped}"\n'


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("reading manifest 1 in example.com/a: manifest unknown: manifest unknown", "example.com/a:1: not found"),
        ("reading manifest 1 in example.com/a: name unknown: repository name not known", "example.com/a:1: not found"),
        (
            "reading manifest 1 in example.com/a: unauthorized: authentication required",
            "pull access denied, repository does not exist or may require authorization: authorization failed: "
            "unauthorized: authentication required",
        ),
        (
            'pinging container registry example.com: Get "https://example.com/v2/": dial tcp: no such host',
            'failed to do request: Get "https://example.com/v2/": dial tcp: no such host',
        ),
        (
            'initializing source docker://example.com/a:1: Get "https://example.com/v2/": x509: unknown authority',
            'failed to do request: Get "https://example.com/v2/": x509: unknown authority',
        ),
        ("something else", "failed to do request: something else"),
    ],
)
def test_complaints_are_said_as_users_of_kubernetes_know_them(message: str, expected: str):
    assert str(explain(REFERENCE, said(message))) == START + expected


def test_what_other_credentials_may_mend_and_what_the_policy_forbids_are_told_apart():
    assert isinstance(explain(REFERENCE, said("x: unauthorized: y")), Denied)
    rejected = explain(REFERENCE, said("Source image rejected: A signature was required, but no signature exists"))
    assert isinstance(rejected, SignatureRejected)
    assert rejected.reason == "SignatureValidationFailed"


async def test_tls_is_only_optional_on_this_machine():
    processes = RecordingProcesses(lambda argv: Completed(argv, 0, b"manifest"))
    skopeo = Skopeo(processes)
    digest = f"sha256:{hashlib.sha256(b'manifest').hexdigest()}"
    assert await skopeo.resolve(REFERENCE, "/secret/auth.json") == digest
    await skopeo.resolve(references.parse("127.0.0.1:5000/a"), None)
    await skopeo.copy(references.parse("localhost:5000/a"), "/f", target="/t", blobs="/b")
    remote, local, copy = processes.calls
    assert "--authfile=/secret/auth.json" in remote
    assert not any("tls" in argument for argument in remote)
    assert "--tls-verify=false" in local
    assert not any("authfile" in argument for argument in local)
    assert {"--src-tls-verify=false", "--authfile=/f", "--dest-shared-blob-dir=/b"} <= set(copy)
    assert copy[-2:] == ("docker://localhost:5000/a:latest", "oci:/t:image")

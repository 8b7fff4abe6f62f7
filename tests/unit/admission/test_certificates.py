from __future__ import annotations

import base64
from typing import Any

import pytest

from apimachinery.errors import Forbidden
from apimachinery.kinds import named
from apiserver.admission import certificates
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
KIND = named("certificatesigningrequests.certificates.k8s.io")
CLIENT = "kubernetes.io/kube-apiserver-client"


def request(*organizations: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, "ann")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = csr.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def run(
    obj: Document,
    old: Document | None = None,
    *,
    subresource: str = "",
    user: UserInfo | None = None,
    rules: tuple[Document, ...] = (),
) -> Document:
    rbac = Rbac()
    rbac.put({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": list(rules)})
    ref, subjects = {"kind": "ClusterRole", "name": "r"}, [{"kind": "User", "name": "ann"}]
    rbac.put({"kind": "ClusterRoleBinding", "metadata": {"name": "r"}, "roleRef": ref, "subjects": subjects})
    verb = "CREATE" if old is None else "UPDATE"
    op = Operation(verb, KIND, "", "c", subresource, obj, old, user or UserInfo("ann"))
    reader = MemoryRegistry().reader
    for plugin in certificates.plugins(Authorizer(rbac)):
        if plugin.handles(verb, KIND.resource, subresource):
            for phase in (plugin.admit, plugin.validate):
                if phase is not None:
                    phase(op, reader)
    return op.object


def csr(signer: str = CLIENT, encoded: str = "", **status: Any) -> Document:
    return {"metadata": {"name": "c"}, "spec": {"signerName": signer, "request": encoded}, "status": status}


def test_the_requester_is_who_asks_and_not_who_the_body_says() -> None:
    obj = csr(encoded=request())
    obj["spec"] |= {"username": "root", "groups": ["system:masters"]}
    user = UserInfo("ann", "u", ("devs",), {"k": ("v",)})
    spec = run(obj, user=user)["spec"]
    assert (spec["username"], spec["uid"], spec["groups"], spec["extra"]) == ("ann", "u", ["devs"], {"k": ["v"]})


def test_nobody_gets_a_certificate_of_the_masters() -> None:
    with pytest.raises(Forbidden, match="signer with system:masters group is not allowed"):
        run(csr(encoded=request("system:masters")))
    run(csr("example.org/other", request("system:masters")))


@pytest.mark.parametrize(
    ("verb", "subresource", "message"),
    [
        ("approve", "approval", "user not permitted to approve requests with signerName"),
        ("sign", "status", "user not permitted to sign requests with signerName"),
    ],
)
def test_approving_and_signing_take_the_right_for_the_signer_or_its_domain(
    verb: str, subresource: str, message: str
) -> None:
    old, new = csr(), csr(certificate="eA==")
    with pytest.raises(Forbidden, match=message):
        run(new, old, subresource=subresource)
    for name in (CLIENT, "kubernetes.io/*"):
        rule = {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["signers"],
            "resourceNames": [name],
            "verbs": [verb],
        }
        run(new, old, subresource=subresource, rules=(rule,))

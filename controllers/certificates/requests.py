"""What a CertificateSigningRequest asks for, and whether a built-in signer gives it.

Source of rules and wording: pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

REQUESTS = "certificatesigningrequests.certificates.k8s.io"
CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
SIGNERS = (CLIENT, KUBELET_CLIENT, KUBELET_SERVING)
APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
_NODES, _NODE = "system:nodes", "system:node:"
_SIGNATURE, _ENCIPHERMENT, _CLIENT_AUTH, _SERVER_AUTH = (
    "digital signature", "key encipherment", "client auth", "server auth",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """The names that the certificate is to bear."""

    common_name: str = ""
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()


def read(request: Document) -> Wish:
    """Raises ValueError for what is no request in PEM."""
    # A third of a second and ten megabytes, for something that most clusters never see.
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    found = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))

    def subject(oid: Any) -> tuple[str, ...]:
        return tuple(str(a.value) for a in found.subject.get_attributes_for_oid(oid))

    try:
        names: Any = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return Wish(
        next(iter(subject(NameOID.COMMON_NAME)), ""),
        subject(NameOID.ORGANIZATION_NAME),
        tuple(names.get_values_for_type(x509.DNSName)),
        tuple(map(str, names.get_values_for_type(x509.IPAddress))),
        tuple(names.get_values_for_type(x509.RFC822Name)),
        tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
    )


def refusal(request: Document, wish: Wish) -> str:
    """Why its signer does not sign it; empty where it does."""
    spec = request["spec"]
    usages = spec.get("usages") or []
    if spec["signerName"] == CLIENT:
        return _client_usages(usages)
    if wish.organizations != (_NODES,):
        return "subject organization is not system:nodes"
    serving = spec["signerName"] == KUBELET_SERVING
    if serving and not wish.dns and not wish.addresses:
        return "DNS or IP subjectAltName is required"
    forbidden = [("Email", wish.emails), ("URI", wish.uris)]
    if not serving:
        forbidden = [("DNS", wish.dns), forbidden[0], ("IP", wish.addresses), forbidden[1]]
    for kind, names in forbidden:
        if names:
            return f"{kind} subjectAltNames are not allowed"
    why = _node_usages(usages, _SERVER_AUTH if serving else _CLIENT_AUTH)
    name = "" if wish.common_name.startswith(_NODE) else "subject common name does not begin with system:node:"
    return (why or name) if serving else (name or why)


def condition(request: Document, type_: str) -> Document | None:
    for found in (request.get("status") or {}).get("conditions") or ():
        if found["type"] == type_ and found.get("status", "True") == "True":
            return found
    return None


def is_issued(request: Document) -> bool:
    return bool((request.get("status") or {}).get("certificate"))


def _client_usages(usages: list[str]) -> str:
    for usage in usages:
        if usage not in (_SIGNATURE, _ENCIPHERMENT, _CLIENT_AUTH):
            return f"invalid usage for client certificate: {usage}"
    return "" if _CLIENT_AUTH in usages else f"missing required usage for client certificate: {_CLIENT_AUTH}"


def _node_usages(usages: list[str], wanted: str) -> str:
    if set(usages) in ({_SIGNATURE, wanted}, {_SIGNATURE, _ENCIPHERMENT, wanted}):
        return ""
    return f"usages did not match [{' '.join(sorted((_SIGNATURE, _ENCIPHERMENT, wanted)))}]"

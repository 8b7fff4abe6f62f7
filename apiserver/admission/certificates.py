"""CertificateSigningRequests: whose request it is, who may approve and sign for which signer, and whom never.

Sources of meaning: plugin/pkg/admission/certificates and pkg/registry/certificates/certificates/strategy.go, which
writes the requester's identity into the spec so that approvers can trust it.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from apiserver.admission.plugin import CREATE, Plugin, Reader, refusal
from apiserver.context import RequestInfo, UserInfo

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer
    from apiserver.context import Operation

GROUP = "certificates.k8s.io"
_REQUESTS = frozenset({f"certificatesigningrequests.{GROUP}"})
_UPDATE = frozenset({"UPDATE"})
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def parse_request(encoded: str) -> Any:
    """The cryptography CertificateSigningRequest in ``spec.request`` (base64 of PEM). Raises ValueError."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_csr(base64.b64decode(encoded or "", validate=True))
    except (binascii.Error, ValueError) as why:
        raise ValueError("PEM block type must be CERTIFICATE REQUEST") from why


def subject_values(request: Any, oid_name: str) -> list[str]:
    """Values of one attribute of the subject: COMMON_NAME or ORGANIZATION_NAME."""
    from cryptography.x509.oid import NameOID

    return [str(a.value) for a in request.subject.get_attributes_for_oid(getattr(NameOID, oid_name))]


def may_for_signer(authorizer: Authorizer, user: UserInfo, verb: str, signer: str) -> bool:
    """Whether a user has ``verb`` (approve, sign, attest) on a signer, or on all signers of its domain."""
    names = (signer, f"{signer.partition('/')[0]}/*")
    return any(authorizer.authorize(user, _ask(verb, name))[0] for name in names)


def _ask(verb: str, name: str) -> RequestInfo:
    return RequestInfo(verb=verb, api_group=GROUP, api_version="*", resource="signers", name=name, is_resource=True)


def _stamp_requester(op: Operation, reader: Reader) -> None:
    spec = op.object.setdefault("spec", {})
    for field in ("username", "uid", "groups", "extra"):
        spec.pop(field, None)
    spec["username"] = op.user.name
    if op.user.uid:
        spec["uid"] = op.user.uid
    if op.user.groups:
        spec["groups"] = list(op.user.groups)
    if op.user.extra:
        spec["extra"] = {key: list(values) for key, values in op.user.extra.items()}


def _no_masters(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    if spec.get("signerName") != _CLIENT_SIGNER:
        return
    try:
        request = parse_request(spec.get("request", ""))
    except ValueError as why:
        raise refusal(op, f"failed to parse CSR: {why}") from why
    if "system:masters" in subject_values(request, "ORGANIZATION_NAME"):
        raise refusal(op, f"use of {_CLIENT_SIGNER} signer with system:masters group is not allowed")


REQUESTER = Plugin("CertificateRequester", _REQUESTS, CREATE, admit=_stamp_requester)
SUBJECT_RESTRICTION = Plugin("CertificateSubjectRestriction", _REQUESTS, CREATE, validate=_no_masters)


def plugins(authorizer: Authorizer) -> tuple[Plugin, ...]:
    """CertificateApproval, CertificateSigning and the ones that need no authorizer."""

    def check_approval(op: Operation, reader: Reader) -> None:
        signer = (op.old_object["spec"]).get("signerName", "")
        if not may_for_signer(authorizer, op.user, "approve", signer):
            raise refusal(op, f'user not permitted to approve requests with signerName "{signer}"')

    def check_signing(op: Operation, reader: Reader) -> None:
        old, new = op.old_object.get("status") or {}, op.object.get("status") or {}
        if all(old.get(f) == new.get(f) for f in ("certificate", "conditions")):
            return
        signer = op.old_object["spec"].get("signerName", "")
        if not may_for_signer(authorizer, op.user, "sign", signer):
            raise refusal(op, f'user not permitted to sign requests with signerName "{signer}"')

    return (
        REQUESTER,
        Plugin("CertificateApproval", _REQUESTS, _UPDATE, frozenset({"approval"}), validate=check_approval),
        Plugin("CertificateSigning", _REQUESTS, _UPDATE, frozenset({"status"}), validate=check_signing),
        SUBJECT_RESTRICTION,
    )

"""Requests for certificates."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind, Subresource
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import paths

CERTIFICATE_SIGNING_REQUEST = Kind(
    group="certificates.k8s.io",
    version="v1",
    kind="CertificateSigningRequest",
    plural="certificatesigningrequests",
    singular="certificatesigningrequest",
    namespaced=False,
    short_names=("csr",),
    schema="io.k8s.api.certificates.v1.CertificateSigningRequest",
    subresources=(
        Subresource(
            "approval",
            prepare_update=lazy("strategies.extensions:approval_update"),
            validate_update=lazy("validation.certificates:request_approval"),
        ),
        STATUS,
    ),
    generation=False,
    field_labels=("spec.signerName",),
    selectable_fields=paths("spec.signerName"),
    set_defaults=lazy("defaults.policy:certificate_signing_request"),
    prepare_update=lazy("strategies.extensions:update_request"),
    prepare_status_update=lazy("strategies.extensions:request_status_update"),
    printer=lazy_printer("policy:CERTIFICATE_SIGNING_REQUEST"),
    validate_create=lazy("validation.certificates:request_create"),
    validate_update=lazy("validation.certificates:request_update"),
    validate_status_update=lazy("validation.certificates:request_status_update"),
)

ALL = (CERTIFICATE_SIGNING_REQUEST,)

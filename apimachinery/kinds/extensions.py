"""What extends the API: admission webhooks and policies, custom resources, aggregated servers."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import STATUS, Kind, Subresource
from apimachinery.kinds.lazy import lazy, lazy_printer

_ADMISSION = "admissionregistration.k8s.io"


def _admission(kind: str, plural: str, area: str, printer: str, *subresources: Subresource, **hooks: Any) -> Kind:
    """``area`` names the kind's functions in the modules of defaults."""
    return Kind(
        group=_ADMISSION,
        version="v1",
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=False,
        categories=("api-extensions",),
        schema=f"io.k8s.api.admissionregistration.v1.{kind}",
        subresources=subresources,
        unconditional_update=False,
        set_defaults=lazy(f"defaults.extensions:{area}"),
        printer=lazy_printer(f"extensions:{printer}"),
        **hooks,
    )


_WEBHOOKS = {
    "validate_create": lazy("validation.webhooks:create"),
    "validate_update": lazy("validation.webhooks:update"),
}


def _policies(area: str) -> dict[str, Any]:
    return {
        "validate_create": lazy(f"validation.admission_policies:{area}"),
        "validate_update": lazy(f"validation.admission_policies:{area}_update"),
    }


MUTATING_ADMISSION_POLICY = _admission(
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    "mutating_policy",
    "MUTATING_ADMISSION_POLICY",
    **_policies("mutating"),
)
MUTATING_ADMISSION_POLICY_BINDING = _admission(
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    "policy_binding",
    "ADMISSION_POLICY_BINDING",
    **_policies("mutating_binding"),
)
MUTATING_WEBHOOK_CONFIGURATION = _admission(
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    "mutating_webhooks",
    "WEBHOOK_CONFIGURATION",
    **_WEBHOOKS,
)
VALIDATING_ADMISSION_POLICY = _admission(
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    "validating_policy",
    "VALIDATING_ADMISSION_POLICY",
    STATUS,
    **_policies("validating"),
)
VALIDATING_ADMISSION_POLICY_BINDING = _admission(
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    "policy_binding",
    "ADMISSION_POLICY_BINDING",
    **_policies("validating_binding"),
)
VALIDATING_WEBHOOK_CONFIGURATION = _admission(
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    "validating_webhooks",
    "WEBHOOK_CONFIGURATION",
    **_WEBHOOKS,
)

CUSTOM_RESOURCE_DEFINITION = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    schema="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    subresources=(STATUS,),
    unconditional_update=False,
    set_defaults=lazy("defaults.extensions:custom_resource_definition"),
    prepare_create=lazy("strategies.extensions:create_definition"),
    prepare_update=lazy("strategies.extensions:update_definition"),
    validate_create=lazy("validation.definitions:create"),
    validate_update=lazy("validation.definitions:update"),
)

API_SERVICE = Kind(
    group="apiregistration.k8s.io",
    version="v1",
    kind="APIService",
    plural="apiservices",
    singular="apiservice",
    namespaced=False,
    categories=("api-extensions",),
    schema="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
    subresources=(STATUS,),
    generation=False,
    unconditional_update=False,
    set_defaults=lazy("defaults.extensions:api_service"),
    prepare_create=lazy("strategies.extensions:create_api_service"),
    prepare_status_update=lazy("strategies.extensions:api_service_status_update"),
    printer=lazy_printer("extensions:API_SERVICE"),
    validate_create=lazy("validation.api_services:create"),
    validate_update=lazy("validation.api_services:update"),
)

ALL = (
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
    VALIDATING_WEBHOOK_CONFIGURATION,
    CUSTOM_RESOURCE_DEFINITION,
    API_SERVICE,
)

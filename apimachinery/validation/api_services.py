"""Aggregated servers."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    named,
)
from apimachinery.validation.client_configs import service_port


def create(obj: Document) -> Errors:
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    group, version, service = spec.get("group") or "", spec.get("version") or "", spec.get("service")
    errors: Errors = []
    if not names.is_path_segment(name) and name != f"{version}.{group}":
        said = f'must be `spec.version+"."+spec.group`: "{version}.{group}"'
        errors.append(invalid("metadata.name", name, said))
    if not group and version != "v1":
        detail = "only v1 may have an empty group and it better be legacy kube"
        errors.append(required("spec.group", detail))
    errors += named("spec.group", group, names.is_dns1123_subdomain) if group else []
    errors += named("spec.version", version, names.is_dns1035_label)
    for field, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = spec.get(field) or 0
        if not 0 < value <= most:
            errors.append(invalid(f"spec.{field}", value, f"must be positive and less than {most}"))
    return errors + _served_by(spec, service)


def _served_by(spec: Document, service: Document | None) -> Errors:
    bundle, insecure = spec.get("caBundle") or "", spec.get("insecureSkipTLSVerify")
    errors: Errors = []
    if service is None:
        if bundle:
            size = len(bundle.rstrip("=")) * 3 // 4
            detail = "local APIServices may not have a caBundle"
            errors.append(invalid("spec.caBundle", f"{size} bytes", detail))
        if insecure:
            detail = "local APIServices may not have insecureSkipTLSVerify"
            errors.append(invalid("spec.insecureSkipTLSVerify", insecure, detail))
        return errors
    errors += [required(f"spec.service.{field}") for field in ("namespace", "name") if not service.get(field)]
    errors += service_port("spec.service.port", service)
    if insecure and bundle:
        detail = "may not be true if caBundle is present"
        errors.append(invalid("spec.insecureSkipTLSVerify", insecure, detail))
    return errors


def update(new: Document, old: Document) -> Errors:
    return create(new)

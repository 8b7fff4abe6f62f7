"""Requests for certificates."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    objects,
    one_of,
    required_one_of,
    same,
)

_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)


_SHORTEST = 600


_DECISIONS = ("Approved", "Denied")


def request_create(obj: Document) -> Errors:
    """Whether ``spec.request`` is a request at all is for the API server, which has the cryptography."""
    spec = obj["spec"]
    usages, seconds = spec.get("usages") or [], spec.get("expirationSeconds")
    errors = [] if usages else [required("spec.usages")]
    for index, usage in enumerate(usages):
        errors += one_of(f"spec.usages[{index}]", usage, _USAGES)
        if usage in usages[:index]:
            errors.append(duplicate(f"spec.usages[{index}]", usage))
    errors += _signer("spec.signerName", spec.get("signerName") or "")
    if seconds is not None and seconds < _SHORTEST:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid("spec.expirationSeconds", seconds, detail))
    return errors + _request_conditions(obj)


def _signer(path: str, name: str) -> Errors:
    if not name:
        return [required(path)]
    if name == "kubernetes.io/legacy-unknown":
        return [invalid(path, name, "the legacy signerName is not allowed via this API version")]
    parts = name.split("/")
    if len(parts) != 2:
        said = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, name, said)]
    problems = names.is_dns1123_subdomain(parts[0])
    if problems:
        said = f"validating label {quoted(parts[0])}: {', '.join(problems)}"
        return [invalid(path, name, said)]
    if len(parts[0].split(".")) < 2:
        return [invalid(path, name, "should be a domain with at least two segments separated by dots")]
    return [
        invalid(path, name, f"validating label {quoted(label)}: {', '.join(wrong)}")
        for label in parts[1].split(".")
        if (wrong := names.is_dns1123_subdomain(label))
    ]


def quoted(text: str) -> str:
    return f'"{text}"'


def _request_conditions(obj: Document) -> Errors:
    path, conditions = "status.conditions", objects(obj.get("status"), "conditions")
    errors: Errors = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        kind, status = condition.get("type") or "", condition.get("status") or ""
        where = f"{path}[{index}]"
        if not kind:
            errors.append(required(f"{where}.type"))
        allowed = ("True",) if kind in (*_DECISIONS, "Failed") else ("False", "True", "Unknown")
        errors += required_one_of(f"{where}.status", status, allowed)
        if kind in _DECISIONS and {*_DECISIONS} <= {*seen, kind}:
            detail = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid(path, kind, detail))
        if kind in seen:
            errors.append(duplicate(f"{where}.type", kind))
        seen.add(kind)
    return errors


def request_update(new: Document, old: Document) -> Errors:
    return _request_kept(new, old, decides=False, issues=False)


def request_status_update(new: Document, old: Document) -> Errors:
    return _request_kept(new, old, decides=False, issues=True)


def request_approval(new: Document, old: Document) -> Errors:
    return _request_kept(new, old, decides=True, issues=False)


def _request_kept(new: Document, old: Document, *, decides: bool, issues: bool) -> Errors:
    errors = request_create(new)
    for kind in (*_DECISIONS, "Failed"):
        given, before = (
            [c for c in objects(o.get("status"), "conditions") if c.get("type") == kind] for o in (new, old)
        )
        said = f"a condition of type {quoted(kind)}"
        if len(given) < len(before):
            errors.append(forbidden("status.conditions", f"updates may not remove {said}"))
        elif kind in _DECISIONS and not decides and len(given) > len(before):
            errors.append(forbidden("status.conditions", f"updates may not add {said}"))
        elif kind in _DECISIONS and not decides and not same(given, before):
            errors.append(forbidden("status.conditions", f"updates may not modify {said}"))
    certificate, was = ((o.get("status") or {}).get("certificate") or "" for o in (new, old))
    if certificate != was and not issues:
        errors.append(forbidden("status.certificate", "updates may not set certificate content"))
    elif certificate != was and was:
        errors.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return errors

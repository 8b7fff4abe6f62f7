"""What projected volumes hold."""

from __future__ import annotations

from collections.abc import Callable

from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation import downward, files
from apimachinery.validation.basics import (
    Document,
    Errors,
    objects,
    one_of,
)
from apimachinery.validation.disks import needs


def downward_api(path: str, source: Document) -> Errors:
    errors = files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    return errors + [error for item in objects(source, "items") for error in _downward_file(path, item)]


def _downward_file(path: str, item: Document) -> Errors:
    target = item.get("path") or ""
    errors = [] if target else [required(f"{path}.path")]
    errors += files.not_reserved(f"{path}.path", target)
    if item.get("fieldRef") is not None:
        errors += downward.field(f"{path}.fieldRef", item["fieldRef"], downward.VOLUME_FIELDS)
        if item.get("resourceFieldRef") is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", detail))
    elif item.get("resourceFieldRef") is not None:
        errors += downward.resource(f"{path}.resourceFieldRef", item["resourceFieldRef"], in_volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + files.mode(f"{path}.mode", item.get("mode"))


_TOKEN_LEAST, _TOKEN_MOST = 600, 2**32


def projected(path: str, source: Document) -> Errors:
    errors = files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    taken: set[str] = set()
    for index, each in enumerate(objects(source, "sources")):
        where = f"{path}.sources[{index}]"
        given = [kind for kind in _PROJECTIONS if each.get(kind) is not None]
        for kind in given:
            errors += _PROJECTIONS[kind](path, f"{where}.{kind}", each[kind])
            errors += _conflicts(path, kind, each[kind], taken)
        if len(given) > 1:
            errors.append(forbidden(where, "may not specify more than 1 volume type per source"))
    return errors


def _conflicts(path: str, kind: str, source: Document, taken: set[str]) -> Errors:
    """Two sources that write one file. Upstream names the secret or config map, and the path for others."""
    listed = [item.get("path") for item in objects(source, "items")]
    if kind == "clusterTrustBundle":
        listed = [source.get("path") or ""]
    elif kind == "podCertificate":
        listed = [source.get(f) for f in ("credentialBundlePath", "keyPath", "certificateChainPath")]
    errors: Errors = []
    for target in listed:
        if target and target in taken:
            shown = source.get("name") if kind in ("secret", "configMap") else target
            errors.append(invalid(path, shown or "", "conflicting duplicate paths"))
        if target:
            taken.add(target)
    return errors


def _projected_map(path: str, where: str, source: Document) -> Errors:
    return needs("name")(where, source) + files.keys_to_paths(where, source)


def _projected_fields(path: str, where: str, source: Document) -> Errors:
    return [error for item in objects(source, "items") for error in _downward_file(where, item)]


def _projected_token(path: str, where: str, source: Document) -> Errors:
    """Upstream's path of ``path`` is the volume's."""
    seconds = source.get("expirationSeconds") or 0
    errors: Errors = []
    if seconds < _TOKEN_LEAST:
        detail = "may not specify a duration less than 10 minutes"
        errors.append(invalid(f"{where}.expirationSeconds", seconds, detail))
    if seconds > _TOKEN_MOST:
        detail = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(f"{where}.expirationSeconds", seconds, detail))
    if not source.get("path"):
        return [*errors, required(f"{path}.path")]
    return errors + files.not_reserved(f"{path}.path", source["path"])


def _projected_bundle(path: str, where: str, source: Document) -> Errors:
    name, signer = source.get("name"), source.get("signerName")
    errors: Errors = []
    if name is not None and signer is not None:
        errors.append(invalid(where, source, "only one of name and signerName may be used"))
    elif name is None and signer is None:
        errors.append(required(where, "either name or signerName must be specified"))
    elif name == "":
        errors.append(required(f"{where}.name", "must be a valid object name"))
    elif signer == "":
        errors.append(required(f"{where}.signerName", "must be a valid signer name"))
    if name is not None and source.get("labelSelector") is not None:
        detail = "labelSelector must be unset if name is specified"
        errors.append(invalid(f"{where}.labelSelector", source["labelSelector"], detail))
    return errors + needs("path")(where, source) + files.not_reserved(f"{where}.path", source.get("path") or "")


def _projected_certificate(path: str, where: str, source: Document) -> Errors:
    key_types = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
    errors = needs("signerName")(where, source) + one_of(f"{where}.keyType", source.get("keyType") or "", key_types)
    given = [f for f in ("credentialBundlePath", "keyPath", "certificateChainPath") if source.get(f)]
    if not given:
        detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.append(required(where, detail))
    return errors + [e for f in given for e in files.not_reserved(f"{where}.{f}", source[f])]


_PROJECTIONS: dict[str, Callable[[str, str, Document], Errors]] = {
    "secret": _projected_map,
    "configMap": _projected_map,
    "downwardAPI": _projected_fields,
    "serviceAccountToken": _projected_token,
    "clusterTrustBundle": _projected_bundle,
    "podCertificate": _projected_certificate,
}

"""The volumes of a pod."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import duplicate, invalid, required
from apimachinery.validation import volume_sources
from apimachinery.validation.basics import Document, Errors, dns_label

_ISCSI_LIMIT = 64


def volumes(path: str, listed: list[Document], pod_name: str, *, in_pod: bool) -> tuple[dict[str, Document], Errors]:
    """(the sound volumes by name, what is wrong). ``pod_name`` is "" in a template."""
    errors: Errors = []
    sound: dict[str, Document] = {}
    created = {f"{pod_name}-{v.get('name')}" for v in listed if pod_name and v.get("ephemeral") is not None}
    for index, volume in enumerate(listed):
        where, name = f"{path}[{index}]", volume.get("name") or ""
        problems = _volume(where, volume, pod_name, in_pod=in_pod)
        problems += dns_label(f"{where}.name", name) if name else [required(f"{where}.name")]
        if name in sound:
            problems.append(duplicate(f"{where}.name", name))
        if not problems:
            sound[name] = volume
        errors += problems
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or ""
        if claim in created:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(f"{where}.persistentVolumeClaim.claimName", claim, detail))
    return sound, errors


def _volume(path: str, volume: Document, pod_name: str, *, in_pod: bool) -> Errors:
    name = volume.get("name") or ""
    errors = volume_sources.sources(path, volume, volume_sources.POD)
    iscsi, image = volume.get("iscsi"), volume.get("image")
    if iscsi and iscsi.get("initiatorName") is not None:
        if len(f"{name}:{iscsi.get('targetPortal') or ''}") > _ISCSI_LIMIT:
            detail = (
                "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                "iscsi.initiatorName is specified."
            )
            errors.append(invalid(f"{path}.name", name, detail))
    if in_pod and image is not None and not image.get("reference"):
        errors.append(required(f"{path}.image.reference"))
    if volume.get("ephemeral") is not None and pod_name and name:
        claim = f"{pod_name}-{name}"
        for message in names.is_dns1123_subdomain(claim):
            errors.append(invalid(f"{path}.name", name, f'PVC name "{claim}": {message}'))
    return errors

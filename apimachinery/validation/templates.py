"""Templates of pods."""

from __future__ import annotations

from apimachinery.fielderrors import forbidden
from apimachinery.validation.annotations import matching_profiles, pod_annotations
from apimachinery.validation.basics import Document, Errors, check_annotations, labels
from apimachinery.validation.pod_spec import pod_spec


def create(obj: Document) -> Errors:
    """A PodTemplate."""
    return template("template", obj.get("template") or {})


def update(new: Document, old: Document) -> Errors:
    return create(new)


def template(path: str, given: Document) -> Errors:
    metadata, spec = given.get("metadata") or {}, given.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    errors = labels(f"{path}.labels", metadata.get("labels"))
    errors += check_annotations(f"{path}.annotations", annotations)
    errors += pod_annotations(f"{path}.annotations", annotations, spec)
    errors += pod_spec(f"{path}.spec", spec) + matching_profiles(f"{path}.spec", annotations, spec)
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(f"{path}.spec.ephemeralContainers", detail))
    return errors

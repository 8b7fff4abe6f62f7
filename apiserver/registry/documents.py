"""What a request's document must be before anything else looks at it, and the metadata that the server keeps."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from apimachinery.errors import BadRequest, StatusError
from apimachinery.kinds.kind import Document, Kind

if TYPE_CHECKING:
    from apimachinery.schemas import Schema
    from apiserver.registry.api import WriteOptions

SYSTEM_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generation",
)
"""Of metadata, which clients do not choose on create."""

_DUPLICATE_OWNERS = (
    ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject "
    "such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}"
)


def private(part: Any) -> Any:
    """A deep copy of a part of a document."""
    return orjson.loads(orjson.dumps(part))


def accept(kind: Kind, body: Any, options: WriteOptions) -> Document:
    """The body with apiVersion, kind and metadata; unknown fields are refused or warned of as asked for.

    Raises BadRequest in the words of upstream's decoder.
    """
    if not isinstance(body, dict):
        raise _cannot_handle(kind, f"json: cannot unmarshal {_type_name(body)} into Go value of type {kind.kind}")
    _check_type(kind, body)
    metadata = body.get("metadata")
    if metadata is None:
        metadata = body["metadata"] = {}
    elif not isinstance(metadata, dict):
        raise _cannot_handle(
            kind, f"json: cannot unmarshal {_type_name(metadata)} into Go struct field {kind.kind}.metadata"
        )
    _check_fields(kind, body, options)
    return body


def _check_type(kind: Kind, body: Document) -> None:
    api_version, name = body.get("apiVersion") or kind.api_version, body.get("kind") or kind.kind
    if api_version != kind.api_version:
        raise BadRequest(
            f"the API version in the data ({api_version}) does not match the expected API version ({kind.api_version})"
        )
    if name != kind.kind:
        raise BadRequest(f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}')
    body["apiVersion"], body["kind"] = api_version, name


def _check_fields(kind: Kind, body: Document, options: WriteOptions) -> None:
    schema = schema_of(kind)
    if schema is None:
        return
    from apimachinery.schemas import check, drop_nulls

    if kind.custom is not None:
        from apiserver.registry.customs import check_custom

        schema, problems = check_custom(kind, body, options.duplicates)
        body = body["metadata"]
    else:
        problems = check(schema, body, duplicates=options.duplicates)
    if problems:
        refusal = problems.refusal(kind.kind, kind.version, strict=options.field_validation == "Strict")
        if refusal:
            raise BadRequest(refusal)
        if options.field_validation != "Ignore":
            options.warnings.extend(problems.strict())
    drop_nulls(schema, body)


@lru_cache(maxsize=2048)
def schema_of(kind: Kind) -> Schema | None:
    """The schema of the kind's documents; None where nothing is known of them."""
    if not kind.schema:
        return None
    from apimachinery.schemas import schema

    return schema(kind.schema)


def _cannot_handle(kind: Kind, why: str) -> BadRequest:
    return BadRequest(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def _type_name(value: Any) -> str:
    names: dict[type, str] = {list: "array", str: "string", int: "number", float: "number", bool: "bool"}
    return names.get(type(value), "object")


def match_namespace(kind: Kind, metadata: Document, namespace: str) -> None:
    """The object is in the namespace of the request. Raises BadRequest where it says otherwise."""
    if not kind.namespaced:
        metadata.pop("namespace", None)
        return
    given = metadata.get("namespace")
    if not given:
        metadata["namespace"] = namespace
    elif given != namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")


def match_name(metadata: Document, name: str) -> None:
    given = metadata.get("name")
    if not given:
        raise BadRequest(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise BadRequest(f"the name of the object ({given}) does not match the name on the URL ({name})")


def without_duplicate_owners(metadata: Document, warnings: list[str]) -> None:
    references = metadata.get("ownerReferences")
    if not references or len(references) == 1:
        return
    kept: list[Document] = []
    doubled = [r for r in references if r in kept or kept.append(r)]
    if doubled:
        metadata["ownerReferences"] = kept
        warnings.append(_DUPLICATE_OWNERS.format(", ".join(str(r.get("uid", "")) for r in doubled)))


def keep_system_fields(metadata: Document, old: Document) -> None:
    """On update: identity, age and deletion are not the client's to change."""
    if not metadata.get("uid"):
        metadata["uid"] = old.get("uid")
    for field in ("creationTimestamp", "deletionTimestamp", "generation"):
        if field in old:
            metadata[field] = old[field]
        else:
            metadata.pop(field, None)
    if "deletionGracePeriodSeconds" in old:
        metadata.setdefault("deletionGracePeriodSeconds", old["deletionGracePeriodSeconds"])
    metadata.pop("selfLink", None)
    metadata["resourceVersion"] = old["resourceVersion"]


def bump_generation(kind: Kind, new: Document, old: Document) -> None:
    """Where anything outside of metadata and status changed, or metadata that counts for the kind."""
    metadata, before = new["metadata"], old["metadata"]
    if not kind.generation or metadata.get("generation") != before.get("generation"):
        return
    if spec_of(kind, new) != spec_of(kind, old) or any(
        (metadata.get(f) or None) != (before.get(f) or None) for f in kind.generation_metadata
    ):
        metadata["generation"] = before.get("generation", 0) + 1


def spec_of(kind: Kind, document: Document) -> Document:
    """A status that is written like any other field (of a custom resource) counts as one."""
    left_out = ("metadata", "status") if kind.custom is None or kind.has_status else ("metadata",)
    return {k: v for k, v in document.items() if k not in left_out}


def options_document(kind: str, options: WriteOptions) -> Document:
    """The options as admission sees them."""
    document: Document = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if options.field_manager:
        document["fieldManager"] = options.field_manager
    if options.dry_run:
        document["dryRun"] = ["All"]
    if options.force:
        document["force"] = True
    return document


class ResourceVersionOnCreate(StatusError):
    """Upstream's answer to a create with a resourceVersion: an internal error."""

    def __init__(self) -> None:
        super().__init__("resourceVersion should not be set on objects to be created")

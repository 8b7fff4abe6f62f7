"""The four kinds of patch as one thing: something that makes a new document of the current one.

Source of wording: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from apimachinery.errors import BadRequest, Invalid, UnsupportedMediaType
from apimachinery.fielderrors import required
from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.documents import private, schema_of

if TYPE_CHECKING:
    from apiserver.registry.api import WriteOptions
    from apiserver.storage.entry import Entry

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
ALL = (JSON, MERGE, STRATEGIC, APPLY)

Apply = Callable[["Entry | None"], Document]


@dataclass(frozen=True, slots=True)
class Change:
    """``apply`` gives a private document. ``creates``: also where there is no object. ``tracks``: it keeps
    managedFields itself."""

    apply: Apply
    creates: bool = False
    tracks: bool = False


class Patching:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def parse(self, kind: Kind, patch: bytes, content_type: str, options: WriteOptions, subresource: str) -> Change:
        """Raises BadRequest, UnsupportedMediaType, Invalid (an apply without a field manager)."""
        if content_type == APPLY:
            return self._server_side_apply(kind, patch, options, subresource)
        if content_type == STRATEGIC and (schema_of(kind) is None or kind.custom is not None):
            raise _unsupported(kind, content_type)
        makers = {JSON: _json, MERGE: _merge, STRATEGIC: _strategic}
        if content_type not in makers:
            raise _unsupported(kind, content_type)
        return Change(makers[content_type](kind, _decode(patch, options)))

    def _server_side_apply(self, kind: Kind, patch: bytes, options: WriteOptions, subresource: str) -> Change:
        from apimachinery import managedfields, schemas

        if not options.field_manager:
            errors = [required("fieldManager", "is required for apply patch")]
            raise Invalid.of("PatchOptions", "", errors, group="meta.k8s.io")
        schema = schema_of(kind)
        if schema is None:
            raise _unsupported(kind, APPLY)
        try:
            config, duplicates = schemas.decode_yaml(patch)
        except ValueError as error:
            raise BadRequest(f"error decoding YAML: {error}") from error
        if not isinstance(config, dict):
            raise BadRequest("error decoding YAML: an object is required")
        if duplicates and options.field_validation == "Strict":
            raise BadRequest(f"error strict decoding YAML: {'; '.join(duplicates)}")
        options.duplicates = []

        def apply(current: Entry | None) -> Document:
            return managedfields.apply(
                None if current is None else current.copy(),
                private(config),
                manager=options.field_manager,
                api_version=kind.api_version,
                now=self._now(),
                schema=schema_of(kind),
                subresource=subresource,
                force=options.force,
            )

        return Change(apply, creates=True, tracks=True)


def _unsupported(kind: Kind, content_type: str) -> UnsupportedMediaType:
    typed = schema_of(kind) is not None
    accepted = [t for t in ALL if typed or t in (JSON, MERGE)]
    if kind.custom is not None:
        accepted.remove(STRATEGIC)
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    )


def _decode(patch: bytes, options: WriteOptions) -> Any:
    from apimachinery.schemas import decode

    try:
        document, options.duplicates = decode(patch, duplicates=options.field_validation != "Ignore")
    except ValueError as error:
        raise BadRequest(f"error decoding patch: {error}") from error
    return document


def _existing(apply: Callable[[Document, Any], Document], patch: Any) -> Apply:
    def on_entry(current: Entry | None) -> Document:
        if current is None:
            raise RuntimeError("this patch needs an object")
        # The result may share parts with the patch, and belongs to the write: the next attempt needs its own.
        return apply(current.copy(), private(patch))

    return on_entry


def _json(kind: Kind, patch: Any) -> Apply:
    from apimachinery.patches import json_patch

    return _existing(json_patch.apply, patch)


def _merge(kind: Kind, patch: Any) -> Apply:
    from apimachinery.patches import merge

    return _existing(merge.apply, patch)


def _strategic(kind: Kind, patch: Any) -> Apply:
    from apimachinery.patches import strategic

    return _existing(lambda document, each: strategic.apply(document, each, schema_of(kind)), patch)

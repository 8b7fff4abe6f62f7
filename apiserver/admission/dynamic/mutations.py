"""A document after somebody else's patch: checked, pruned and defaulted, as if it had been decoded anew."""

from __future__ import annotations

from typing import Any

from apimachinery.errors import InternalError, Invalid, StatusError
from apimachinery.kinds.kind import Document, Kind
from apimachinery.patches import json_patch
from apiserver.context import UserInfo
from apiserver.registry.api import WriteOptions
from apiserver.registry.documents import accept, private

_NOBODY = UserInfo("")


def patched(kind: Kind, document: Document, operations: list[Any], *, whole: bool) -> Document:
    """``document`` after JSON patch operations. ``whole``: it is an object of the kind. Raises InternalError."""
    try:
        changed = json_patch.apply(document, private(operations))
    except Invalid as error:
        raise InternalError.of(error.__cause__ or error) from error
    except StatusError as error:
        raise InternalError.of(error.message) from error
    return decoded(kind, changed) if whole else changed


def decoded(kind: Kind, document: Any) -> Document:
    """A private copy with defaults. Raises InternalError for what cannot be an object of the kind."""
    try:
        accepted = accept(kind, private(document), WriteOptions(_NOBODY, field_validation="Ignore"))
    except StatusError as error:
        raise InternalError.of(error.message) from error
    kind.set_defaults(accepted)
    return accepted

"""What is different about documents of custom resources on their way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery.kinds.kind import Document, Kind
from apimachinery.schemas import Problems, check, schema

if TYPE_CHECKING:
    from apimachinery.schemas import Schema

METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def check_custom(kind: Kind, body: Document, duplicates: list[str]) -> tuple[Schema, Problems]:
    """(the schema of metadata, the problems). Unknown fields are dropped; only metadata has types of its own here.

    What is wrong with other values is for validation to say, all at once.
    """
    assert kind.custom is not None, "not a custom resource"
    known = schema(METADATA)
    problems = check(known, body["metadata"], duplicates=duplicates)
    problems.unknown = [*kind.custom.prune(body), *(f"metadata.{name}" for name in problems.unknown)]
    if problems.wrong:
        problems.wrong = problems.wrong.replace("Go struct field ObjectMeta.", "Go struct field ObjectMeta.metadata.")
    return known, problems

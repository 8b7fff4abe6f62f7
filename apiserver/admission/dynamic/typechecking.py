"""Whether the expressions of a ValidatingAdmissionPolicy fit the types that it matches; warnings for its status. Pure.

Selections of fields (``object.spec.replicas``) get the types of the schemas before an expression is compiled; what it
reaches in other ways (items of lists, values of maps) is of any type here, which upstream knows better. Fields that
there are not are found everywhere.
Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic.expressions import Expressions, Invalid, compile_strictly, type_of
from apiserver.cel.fields import Shape, undefined_fields
from apiserver.cel.programs import BOOL, DOUBLE, DYN, INT, STRING
from apiserver.cel.tokens import chains, settled
from apiserver.registry.documents import schema_of

if TYPE_CHECKING:
    from apimachinery.schemas import Schema
    from apiserver.cel.fields import Shape, undefined_fields
from apiserver.cel.programs import Environment

MOST_TYPES = 10
_TYPES = {"string": STRING, "boolean": BOOL, "integer": INT, "number": DOUBLE}
_ROOTS = ("object", "oldObject")


def warnings(policy: Document, kinds: Iterable[Kind], expressions: Expressions) -> list[Document]:
    """ExpressionWarnings, in the order of the expressions. ``kinds`` are all that are served."""
    served, spec = list(kinds), policy["spec"]
    checked, param = matched_kinds(spec, served), _param(spec, served)
    found = []
    for index, each in enumerate(spec.get("validations") or ()):
        for field in ("expression", "messageExpression"):
            text = each.get(field)
            said = _warning(text, spec, checked, param, expressions) if text else ""
            if said:
                found.append({"fieldRef": f"spec.validations[{index}].{field}", "warning": said})
    return found


def matched_kinds(spec: Document, kinds: Iterable[Kind]) -> list[Kind]:
    """Those that the rules name without wildcards, at most ten, sorted."""
    found: dict[tuple[str, str, str], Kind] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for kind in kinds:
            parts = (("apiGroups", kind.group), ("apiVersions", kind.version), ("resources", kind.plural))
            if all(part in (rule.get(field) or ()) for field, part in parts) and len(found) < MOST_TYPES:
                found[kind.group, kind.version, kind.kind] = kind
    return [found[key] for key in sorted(found)]


def _param(spec: Document, kinds: Iterable[Kind]) -> Kind | None:
    wanted = spec.get("paramKind")
    if wanted is None:
        return None
    return next((k for k in kinds if (k.api_version, k.kind) == (wanted["apiVersion"], wanted["kind"])), None)


def _warning(text: str, spec: Document, kinds: list[Kind], param: Kind | None, expressions: Expressions) -> str:
    said = []
    for kind in kinds:
        schema = schema_of(kind)
        if schema is None:
            continue
        schemas = dict.fromkeys(_ROOTS, schema)
        if param is not None and (found := schema_of(param)) is not None:
            schemas["params"] = found
        issues = _issues(text, spec, schemas, expressions)
        if issues:
            said.append(f"{kind.group}/{kind.version}, Kind={kind.kind}: {issues}\n")
    return "\n".join(said)


def _issues(text: str, spec: Document, schemas: dict[str, Schema], expressions: Expressions) -> str:
    environment = expressions.scope_of(params=spec.get("paramKind") is not None)
    for variable in spec.get("variables") or ():
        expression = variable["expression"]
        typed = environment.with_variables(dict(_typed(expression, schemas)))
        try:
            found = type_of(compile_strictly(typed, settled(expression, frozenset(schemas))))
        except Invalid:
            found = DYN
        environment = environment.with_variables({f"variables.{variable['name']}": found})
    return _compile(text, environment, schemas)


def _compile(text: str, environment: Environment, schemas: dict[str, Schema]) -> str:
    checked = settled(text, frozenset(schemas))
    typed = environment.with_variables(dict(_typed(text, schemas)))
    try:
        compile_strictly(typed, checked)
        shown = ""
    except Invalid as error:
        shown = str(error)
        for ours, theirs in zip(checked.split("\n"), text.split("\n"), strict=True):
            shown = shown.replace(f" | {ours}\n", f" | {theirs}\n")
    undefined = _undefined(text, environment, schemas)
    if not undefined:
        return shown
    return f"{shown}\n{undefined}" if shown else f"compilation failed: {undefined}"


def _undefined(text: str, environment: Environment, schemas: dict[str, Schema]) -> str:
    try:
        program = compile_strictly(environment, text)
    except Invalid:
        return ""
    return undefined_fields(program.tree(), text, schemas, _SHAPE)


def _typed(text: str, schemas: dict[str, Schema]) -> Iterator[tuple[str, str]]:
    """(selection, type) for each that ends, or passes, at a value of a simple type."""
    for names, _, called in _selections(text, schemas):
        schema: Schema | None = schemas[names[0]]
        for at, name in enumerate(names[1:-1] if called else names[1:], start=1):
            schema = _field(schema, name)
            if schema is None:
                break
            if schema.type in _TYPES:
                yield ".".join(names[: at + 1]), _TYPES[schema.type]
                break


def _selections(text: str, schemas: dict[str, Schema]) -> Iterator[tuple[tuple[str, ...], tuple[int, ...], bool]]:
    for chain in chains(text):
        if chain.names[0] in schemas:
            yield chain


def _field(schema: Schema | None, name: str) -> Schema | None:
    return None if schema is None else _select(schema, name)[0]


def _select(schema: Schema, name: str) -> tuple[Schema | None, bool]:
    if schema.type != "object":
        return schema.values, True
    found = schema.fields.get(name)
    return (found.schema, True) if found is not None else (None, schema.preserve)


_SHAPE = Shape(_select, lambda schema: schema.items, lambda schema: schema.values)

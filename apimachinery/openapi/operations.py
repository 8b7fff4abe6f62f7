"""What can be done with a kind, as OpenAPI v3 paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apimachinery.kinds.kind import Kind, Subresource
from apimachinery.openapi import parameters

Operation = dict[str, Any]
PathItem = dict[str, Any]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_TYPES = ("application/json", "application/yaml")
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_OBJECT_VERBS = (
    ("get", "get", "read", "read the specified {}"),
    ("update", "put", "replace", "replace the specified {}"),
    ("patch", "patch", "patch", "partially update the specified {}"),
    ("delete", "delete", "delete", "delete {article}"),
)
_CONNECT_METHODS = (
    ("get", "get"), ("create", "post"), ("update", "put"), ("patch", "patch"), ("delete", "delete"),
)  # fmt: skip


def paths(kinds: Iterable[Kind]) -> dict[str, PathItem]:
    """Every path of the kinds, sorted."""
    found: dict[str, PathItem] = {}
    for kind in kinds:
        collection = kind.path("{namespace}" if kind.namespaced else "")
        found[collection] = _collection(kind)
        if kind.namespaced and "list" in kind.verbs:
            every = _list(kind, f"list{_tag(kind)}{kind.kind}ForAllNamespaces")
            found[kind.path()] = {"get": every, "parameters": [parameters.PRETTY]}
        if any(verb in kind.verbs for verb, *_ in _OBJECT_VERBS):
            found[f"{collection}/{{name}}"] = _object(kind)
        for sub in kind.subresources:
            found[f"{collection}/{{name}}/{sub.name}"] = _subresource(kind, sub)
    return dict(sorted((path, item) for path, item in found.items() if set(item) - {"parameters"}))


def _collection(kind: Kind) -> PathItem:
    item: PathItem = {"parameters": _path_parameters(kind, named=False)}
    scope = _scope(kind)
    if "list" in kind.verbs:
        item["get"] = _list(kind, f"list{_tag(kind)}{scope}{kind.kind}")
    if "create" in kind.verbs:
        made = _operation(kind, "post", f"create{_tag(kind)}{scope}{kind.kind}", f"create {_article(kind.kind)}")
        made |= {"parameters": list(parameters.WRITE), "requestBody": _body(_reference(kind), required=True)}
        made["responses"] = _responses(_reference(kind), 200, 201, 202)
        item["post"] = made
    if "deletecollection" in kind.verbs:
        name = f"delete{_tag(kind)}Collection{scope}{kind.kind}"
        made = _operation(kind, "deletecollection", name, f"delete collection of {kind.kind}")
        made |= {"parameters": list(parameters.DELETE_COLLECTION), "requestBody": _body(_meta("DeleteOptions"))}
        made["responses"] = _responses(_meta("Status"), 200)
        item["delete"] = made
    return item


def _list(kind: Kind, name: str) -> Operation:
    made = _operation(
        kind, "list", name, f"list {'or watch ' if 'watch' in kind.verbs else ''}objects of kind {kind.kind}"
    )
    made |= {"parameters": list(parameters.LIST), "responses": _responses(_reference(kind, "List"), 200)}
    return made


def _object(kind: Kind) -> PathItem:
    item: PathItem = {"parameters": _path_parameters(kind, named=True)}
    for verb, method, word, description in _OBJECT_VERBS:
        if verb in kind.verbs:
            name = f"{word}{_tag(kind)}{_scope(kind)}{kind.kind}"
            made = _operation(kind, method, name, description.format(kind.kind, article=_article(kind.kind)))
            item[method] = _filled(made, method, _reference(kind), custom=kind.custom is not None)
    return item


def _subresource(kind: Kind, sub: Subresource) -> PathItem:
    item: PathItem = {"parameters": _path_parameters(kind, named=True)}
    suffix = f"{_scope(kind)}{kind.kind}{sub.name.capitalize()}"
    if sub.kind.endswith("Options"):
        for verb, method in _CONNECT_METHODS:
            if verb in sub.verbs:
                name = f"connect{_tag(kind)}{method.capitalize()}{suffix}"
                text = f"connect {method.upper()} requests to {sub.name} of {kind.kind}"
                made = _operation(kind, "connect", name, text, sub)
                item[method] = made | {"responses": _plain_responses()}
        return item
    body = _reference(kind) if not sub.kind else _schema_of(kind, sub)
    for verb, method, word, description in _OBJECT_VERBS:
        if verb in sub.verbs:
            text = description.format(
                f"{sub.name} of the specified {kind.kind}", article=f"{sub.name} of {_article(kind.kind)}"
            ).replace("the specified ", "", 1)
            made = _operation(kind, method, f"{word}{_tag(kind)}{suffix}", text, sub)
            item[method] = (
                made | {"responses": _plain_responses()}
                if sub.name == "log"
                else _filled(made, method, body, custom=kind.custom is not None)
            )
    if "create" in sub.verbs:
        text = f"create {sub.name} of {_article(kind.kind)}"
        made = _operation(kind, "post", f"create{_tag(kind)}{suffix}", text, sub)
        made |= {"parameters": list(parameters.WRITE), "requestBody": _body(body, required=True)}
        item["post"] = made | {"responses": _responses(body, 200, 201, 202)}
    return item


def _filled(made: Operation, method: str, body: dict[str, Any], *, custom: bool) -> Operation:
    """With the parameters, body and responses of its method."""
    if method == "get":
        return made | {"responses": _responses(body, 200)}
    if method == "delete":
        given = {"parameters": list(parameters.DELETE), "requestBody": _body(_meta("DeleteOptions"))}
        return made | given | {"responses": _responses(_meta("Status"), 200, 202)}
    if method == "patch":
        types = _PATCHES if not custom else tuple(each for each in _PATCHES if "strategic" not in each)
        given = {"parameters": list(parameters.PATCH), "requestBody": _body(_meta("Patch"), types, required=True)}
        return made | given | {"responses": _responses(body, 200, 201)}
    given = {"parameters": list(parameters.WRITE), "requestBody": _body(body, required=True)}
    return made | given | {"responses": _responses(body, 200, 201)}


def _operation(kind: Kind, action: str, name: str, description: str, sub: Subresource | None = None) -> Operation:
    group, version, named = kind.group, kind.version, kind.kind
    if sub is not None and sub.kind:
        group, version, named = (sub.group, sub.version, sub.kind) if sub.version else (group, version, sub.kind)
    return {
        "description": description,
        "operationId": name,
        "tags": [f"{_group_word(kind.group)[0].lower()}{_group_word(kind.group)[1:]}_{kind.version}"],
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": group, "kind": named, "version": version},
    }


def _path_parameters(kind: Kind, *, named: bool) -> list[parameters.Parameter]:
    found = [parameters.path("name", f"name of the {kind.kind}")] if named else []
    if kind.namespaced:
        found.append(parameters.path("namespace", "object name and auth scope, such as for teams and projects"))
    return [*found, parameters.PRETTY]


def _reference(kind: Kind, suffix: str = "") -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{definition_name(kind)}{suffix}"}


def _schema_of(kind: Kind, sub: Subresource) -> dict[str, Any]:
    """The body of a subresource with a kind of its own: in the group it names, or the parent's."""
    group, version = (sub.group, sub.version) if sub.version else (kind.group, kind.version)
    short = group.split(".")[0] or "core"
    return {"$ref": f"#/components/schemas/io.k8s.api.{short}.{version}.{sub.kind}"}


def definition_name(kind: Kind) -> str:
    """The name of the kind's definition; a kind without one gets upstream's name for custom resources."""
    if kind.schema:
        return kind.schema
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def _meta(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{_META}{name}"}


def _body(schema: dict[str, Any], types: tuple[str, ...] = ("*/*",), *, required: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {"content": {each: {"schema": schema} for each in types}}
    return made | {"required": True} if required else made


_WORDS = {200: "OK", 201: "Created", 202: "Accepted"}


def _responses(schema: dict[str, Any], *codes: int) -> dict[str, Any]:
    content = {each: {"schema": schema} for each in _TYPES}
    made: dict[str, Any] = {str(code): {"content": content, "description": _WORDS[code]} for code in codes}
    return made | {"401": {"description": "Unauthorized"}}


def _plain_responses() -> dict[str, Any]:
    made = {"content": {"*/*": {"schema": {"type": "string"}}}, "description": "OK"}
    return {"200": made, "401": {"description": "Unauthorized"}}


def _scope(kind: Kind) -> str:
    return "Namespaced" if kind.namespaced else ""


def _group_word(group: str) -> str:
    return "".join(part.capitalize() for part in (group.removesuffix(".k8s.io") or "core").split("."))


def _tag(kind: Kind) -> str:
    return _group_word(kind.group) + kind.version.capitalize()


def _article(noun: str) -> str:
    """``a Pod``, ``an Event``, ``Endpoints``."""
    if noun.endswith("s") and not noun.endswith("ss") and noun != "ComponentStatus":
        return noun
    return f"{'an' if noun[:1] in 'AEIOU' else 'a'} {noun}"

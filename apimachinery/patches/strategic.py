"""Strategic merge patch: a merge patch that knows which lists are sets and which are maps by a key.

Source: k8s.io/apimachinery/pkg/util/strategicpatch. Directives: ``$patch`` (``replace``, ``delete``) in objects and
list items, ``$setElementOrder/FIELD``, ``$deleteFromPrimitiveList/FIELD``, ``$retainKeys``. Unlike upstream, whose
typed decoder drops them later, no directive is left in what is returned.
"""

from __future__ import annotations

from typing import Any

from apimachinery.errors import BadRequest
from apimachinery.patches import lists
from apimachinery.patches.lists import Failed, PatchError, go_text
from apimachinery.schemas.schema import ANY, Schema

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"

_Object = dict[str, Any]


def apply(doc: _Object, patch: Any, schema: Schema | None) -> _Object:
    """``doc`` with ``patch`` merged into it along ``schema``.

    Raises BadRequest for a malformed patch, or without a schema; InternalError (as upstream answers) where an item
    lacks its merge key or a list has items of several types.
    """
    if schema is None:
        raise BadRequest("strategic merge patch format is not supported")
    if not isinstance(patch, dict):
        what = {list: "array", str: "string", bool: "bool"}.get(type(patch), "number")
        raise BadRequest(f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")
    try:
        return _merge(doc, patch, schema)
    except PatchError as error:
        raise error.status() from error


def _merge(original: _Object, patch: _Object, schema: Schema) -> _Object:
    if _DIRECTIVE in patch:
        return _directed(patch)
    merged, patch = dict(original), dict(patch)
    _retain(merged, patch)
    for key in [k for k in patch if k.startswith(_ORDER)]:
        _set_order(merged, patch, key, schema)
    for key, value in patch.items():
        if key.startswith(_DELETE_FROM):
            _delete_from(merged, key, value)
        elif value is None:
            merged.pop(key, None)
        else:
            _merge_member(merged, key, value, schema)
    return merged


def _directed(patch: _Object) -> _Object:
    directive = patch[_DIRECTIVE]
    if directive == "replace":
        cleaned = without_directives({k: v for k, v in patch.items() if k != _DIRECTIVE})
        return cleaned if isinstance(cleaned, dict) else {}
    if directive == "delete":
        return {}
    raise Failed(f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _merge_member(merged: _Object, key: str, value: Any, schema: Schema) -> None:
    inner, strategy, merge_key = _meta(schema, key)
    present = merged.get(key)
    if isinstance(present, dict) and isinstance(value, dict) and strategy != "replace":
        merged[key] = _merge(present, value, inner)
    elif isinstance(present, list) and isinstance(value, list):
        merged[key] = _merge_list(present, value, inner, strategy, merge_key)
    else:
        cleaned = without_directives(value)
        if cleaned is _GONE:
            merged.pop(key, None)
        else:
            merged[key] = cleaned


def _merge_list(original: list[Any], patch: list[Any], schema: Schema, strategy: str, merge_key: str) -> list[Any]:
    if strategy != "merge":
        return _cleaned(patch)
    if not original and not patch:
        return original
    if not lists.are_maps(original, patch):
        together = list(dict.fromkeys([*original, *patch]))
        return lists.in_order(together, patch, original, "")
    if not merge_key:
        raise Failed(f"cannot merge lists without merge key for {schema.type_name or 'Struct'}")
    original, patch = _special_items(original, patch, merge_key)
    together = _merge_items(original, patch, schema, merge_key)
    return lists.in_order(together, patch, original, merge_key)


def _special_items(original: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """(original, patch) after the items of ``patch`` that are directives."""
    plain, replace = [], False
    for item in patch:
        directive = item.get(_DIRECTIVE)
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            wanted = lists.key_of(item, merge_key)
            original = [one for one in original if one.get(merge_key) != wanted]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise Failed("merging lists cannot yet be specified in the patch")
        else:
            raise Failed(f"unknown patch type: {go_text(directive)} in map: {go_text(item)}")
    return (_cleaned(plain), []) if replace else (original, plain)


def _merge_items(original: list[Any], patch: list[Any], schema: Schema, merge_key: str) -> list[Any]:
    merged = list(original)
    for item in patch:
        wanted = lists.key_of(item, merge_key)
        place = next((i for i, one in enumerate(merged) if one.get(merge_key) == wanted), None)
        if place is None:
            merged.append(without_directives(item))
        else:
            merged[place] = _merge(merged[place], item, schema)
    return merged


def _set_order(merged: _Object, patch: _Object, directive: str, schema: Schema) -> None:
    """Merge the list that a ``$setElementOrder`` is for, and order it: the directive, then the live list."""
    order, key = patch.pop(directive), directive.removeprefix(_ORDER)
    inner, strategy, merge_key = _meta(schema, key)
    if not isinstance(order, list):
        raise Failed(f"expected a []interface {{}}, but received a {lists.go_type(order)}")
    present, given = merged.get(key), patch.get(key)
    for one in (present, given):
        if one is not None and not isinstance(one, list):
            raise Failed(f"expected a []interface {{}}, but received a {lists.go_type(one)}")
    lists.check_order(given or [], order, merge_key)
    if (key in patch and given is None) or (present is None and given is None):
        return
    patch.pop(key, None)
    if given is None:
        together = present or []
    elif present is None:
        together = _cleaned(given)
    else:
        together = _merge_list(present, given, inner, strategy, merge_key)
    merged[key] = lists.in_order(together, order, present or [], merge_key)


def _delete_from(merged: _Object, directive: str, values: Any) -> None:
    key = directive.removeprefix(_DELETE_FROM)
    present = merged.get(key)
    if values is None:
        merged.pop(key, None)
    elif isinstance(present, list) and isinstance(values, list):
        merged[key] = [item for item in present if item not in values]


def _retain(merged: _Object, patch: _Object) -> None:
    """``$retainKeys``: what it does not list is cleared, and the patch may set nothing else."""
    if _RETAIN not in patch:
        return
    kept = patch.pop(_RETAIN)
    if not isinstance(kept, list):
        raise lists.Malformed("invalid patch format of retainKeys")
    for key, value in patch.items():
        if value is not None and key not in kept and not key.startswith((_DELETE_FROM, _ORDER)):
            raise lists.Malformed("invalid patch format of retainKeys")
    for key in [k for k in merged if k not in kept]:
        del merged[key]


def _meta(schema: Schema, key: str) -> tuple[Schema, str, str]:
    """(schema of the member or of its items, patch strategy but for retainKeys, merge key)."""
    if schema.type == "object":
        found = schema.fields.get(key)
        if found is None:
            return ANY, "", ""
        inner = found.schema.items if found.schema.items is not None else found.schema
        strategies = [s for s in found.patch_strategy if s != "retainKeys"]
        return inner, strategies[0] if strategies else "", found.merge_key
    return (schema.values or ANY), "", ""


_GONE = object()


def without_directives(value: Any) -> Any:
    """``value`` as a new value: no nulls in objects, no directives; ``_GONE`` for what is itself a directive."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return _GONE
        cleaned = {
            k: without_directives(v)
            for k, v in value.items()
            if v is not None and k != _RETAIN and not k.startswith((_ORDER, _DELETE_FROM))
        }
        return {k: v for k, v in cleaned.items() if v is not _GONE}
    return _cleaned(value) if isinstance(value, list) else value


def _cleaned(items: list[Any]) -> list[Any]:
    return [one for one in map(without_directives, items) if one is not _GONE]

"""JSON patch (RFC 6902), with the liberties of the library that upstream uses (negative indexes).

Upstream hides why an operation did not apply: the client is told that its request has an error. The reason is the
``__cause__`` of what is raised here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apimachinery.errors import BadRequest, Invalid, RequestEntityTooLarge

_MOST_OPERATIONS = 10_000
_REJECTED = "the server rejected our request due to an error in our request"
_MISSING = object()

Doc = Any
Operation = dict[str, Any]


class _DoesNotApply(Exception):
    """Why an operation failed."""


def apply(doc: Doc, operations: Any) -> Doc:
    """``doc`` after the list of operations.

    Raises BadRequest for what is no JSON patch, RequestEntityTooLarge above 10,000 operations, and Invalid when an
    operation does not apply.
    """
    if not isinstance(operations, list) or not all(isinstance(o, dict) for o in operations):
        what = _json_type(operations if not isinstance(operations, list) else operations[0])
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {what} into Go value of type []handlers.jsonPatchOp"
        )
    if len(operations) > _MOST_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {_MOST_OPERATIONS}, got {len(operations)}"
        )
    try:
        for operation in operations:
            doc = _apply_one(doc, operation)
    except _DoesNotApply as error:
        raise Invalid(_REJECTED) from error
    return doc


def _apply_one(doc: Doc, operation: Operation) -> Doc:
    verb = _VERBS.get(operation.get("op", ""))
    if verb is None:
        raise _DoesNotApply(f"Unexpected kind: {operation.get('op', 'unknown')}")
    return verb(doc, operation)


def _add(doc: Doc, operation: Operation) -> Doc:
    return _at(doc, _path(operation, "path"), _insert(_value(operation)))


def _remove(doc: Doc, operation: Operation) -> Doc:
    return _at(doc, _path(operation, "path"), _delete)


def _replace(doc: Doc, operation: Operation) -> Doc:
    return _at(doc, _path(operation, "path"), _put(_value(operation)))


def _move(doc: Doc, operation: Operation) -> Doc:
    source = _path(operation, "from")
    moved = _get(doc, source)
    return _at(_at(doc, source, _delete), _path(operation, "path"), _insert(moved))


def _copy(doc: Doc, operation: Operation) -> Doc:
    return _at(doc, _path(operation, "path"), _insert(_get(doc, _path(operation, "from"))))


def _test(doc: Doc, operation: Operation) -> Doc:
    path, wanted = _path(operation, "path"), operation.get("value")
    try:
        found = _get(doc, path)
    except _DoesNotApply:
        if wanted is not None or len(path) == 0:
            raise
        found = None
    if not _equal(found, wanted):
        raise _DoesNotApply(f"testing value {operation.get('path')} failed: test failed")
    return doc


_VERBS: dict[str, Callable[[Doc, Operation], Doc]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _path(operation: Operation, name: str) -> list[str]:
    pointer = operation.get(name)
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise _DoesNotApply(f"{operation.get('op')} operation failed to decode {name}: missing value")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def _value(operation: Operation) -> Any:
    return operation.get("value")


def _get(doc: Doc, path: list[str]) -> Any:
    for step in path:
        if isinstance(doc, dict) and step in doc:
            doc = doc[step]
        elif isinstance(doc, list):
            doc = doc[_index(step, len(doc), beyond=0)]
        else:
            raise _DoesNotApply(f"unable to get nonexistent key: {step}: missing value")
    return doc


Change = Callable[[Doc, str], Doc]
"""A container and the last step of a path to the container as it becomes."""


def _at(doc: Doc, path: list[str], change: Change) -> Doc:
    """``doc`` with the container that holds the end of ``path`` changed; what is on the way is copied."""
    step, rest = path[0], path[1:]
    if not rest:
        return change(doc, step)
    if isinstance(doc, dict) and step in doc:
        return {**doc, step: _at(doc[step], rest, change)}
    if isinstance(doc, list):
        index = _index(step, len(doc), beyond=0)
        return [*doc[:index], _at(doc[index], rest, change), *doc[index + 1 :]]
    raise _DoesNotApply(f"doc is missing path: {'/'.join(path)}: missing value")


def _insert(value: Any) -> Change:
    def insert(container: Doc, step: str) -> Doc:
        if isinstance(container, dict):
            return {**container, step: value}
        if not isinstance(container, list):
            raise _DoesNotApply(f"doc is missing path: {step}: missing value")
        index = len(container) if step == "-" else _index(step, len(container), beyond=1)
        return [*container[:index], value, *container[index:]]

    return insert


def _put(value: Any) -> Change:
    def put(container: Doc, step: str) -> Doc:
        if isinstance(container, dict) and step in container:
            return {**container, step: value}
        if not isinstance(container, list):
            raise _DoesNotApply(f"replace operation does not apply: doc is missing key: {step}: missing value")
        index = _index(step, len(container), beyond=0)
        return [*container[:index], value, *container[index + 1 :]]

    return put


def _delete(container: Doc, step: str) -> Doc:
    if isinstance(container, dict) and step in container:
        return {key: value for key, value in container.items() if key != step}
    if not isinstance(container, list):
        raise _DoesNotApply(f"Unable to remove nonexistent key: {step}: missing value")
    index = _index(step, len(container), beyond=0)
    return container[:index] + container[index + 1 :]


def _index(step: str, length: int, *, beyond: int) -> int:
    """``beyond`` 1 allows the place after the last item. Negative indexes count from the end."""
    digits = step[1:] if step.startswith("-") else step
    if not (digits.isascii() and digits.isdigit()):
        raise _DoesNotApply(f'strconv.Atoi: parsing "{step}": invalid syntax')
    index = int(step)
    if index < 0:
        index += length + beyond
    if not 0 <= index < length + beyond:
        raise _DoesNotApply(f"Unable to access invalid index: {step}: invalid index referenced")
    return index


def _equal(left: Any, right: Any) -> bool:
    """JSON equality: Python would take True for 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return (type(left) is bool) == (type(right) is bool) and left == right


def _json_type(value: Any) -> str:
    if isinstance(value, (dict, type(None))):
        return "object"
    return "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"

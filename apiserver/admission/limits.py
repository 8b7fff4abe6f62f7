"""LimitRanger: containers get the namespace's default requests and limits, and stay within its bounds.

Source of meaning and wording: plugin/pkg/admission/limitranger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from apimachinery.quantities import canonical, format_, parse
from apimachinery.quotas import resources
from apimachinery.quotas.resources import Amounts
from apiserver.admission.plugin import CREATE, WRITES, Document, Plugin, Reader, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

_ANNOTATION = "kubernetes.io/limit-ranger"


def _ranges(op: Operation, reader: Reader) -> list[Document]:
    if op.old_object is not None and op.old_object["metadata"].get("deletionTimestamp"):
        return []
    return reader.list("limitranges", op.namespace)


def _limits(limit_range: Document, kind: str) -> Iterator[Document]:
    for limit in (limit_range.get("spec") or {}).get("limits") or ():
        if limit.get("type") == kind:
            yield limit


def _set_defaults(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    for limit_range in _ranges(op, reader):
        requests: dict[str, str] = {}
        limits: dict[str, str] = {}
        for limit in _limits(limit_range, "Container"):
            requests |= limit.get("defaultRequest") or {}
            limits |= limit.get("default") or {}
        said: list[str] = []
        for field, what in (("containers", "container"), ("initContainers", "init container")):
            for container in spec.get(field) or ():
                said += _complete(container, what, requests, limits)
        if said:
            annotations = op.object["metadata"].setdefault("annotations", {})
            annotations[_ANNOTATION] = "LimitRanger plugin set: " + "; ".join(said)


def _complete(container: Document, what: str, requests: dict[str, str], limits: dict[str, str]) -> Iterator[str]:
    for field, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        given = (container.get("resources") or {}).get(field) or {}
        missing = {name: value for name, value in defaults.items() if name not in given}
        if missing:
            container.setdefault("resources", {})[field] = {**given, **missing}
            yield f"{', '.join(sorted(missing))} {word} for {what} {container['name']}"


def _check_pod(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    errors: list[str] = []
    for limit_range in _ranges(op, reader):
        for limit in _limits(limit_range, "Container"):
            for field in ("containers", "initContainers"):
                for container in spec.get(field) or ():
                    resource = container.get("resources") or {}
                    asked = _Asked("Container", resource.get("requests") or {}, resource.get("limits") or {})
                    errors += asked.problems(limit)
        for limit in _limits(limit_range, "Pod"):
            errors += _of_pod(spec).problems(limit)
        if errors:
            raise refusal(op, _joined(errors))


def _of_pod(spec: Document) -> _Asked:
    def texts(which: str) -> dict[str, str]:
        styles = {
            name: quantity
            for field in ("containers", "initContainers")
            for container in spec.get(field) or ()
            for name, quantity in ((container.get("resources") or {}).get(which) or {}).items()
        }
        total: Amounts = resources.of_spec(spec, which)
        return {name: format_(amount, styles.get(name, "1")) for name, amount in total.items()}

    return _Asked("Pod", texts("requests"), texts("limits"))


def _check_claim(op: Operation, reader: Reader) -> None:
    requests = (op.object["spec"].get("resources") or {}).get("requests") or {}
    for limit_range in _ranges(op, reader):
        errors: list[str] = []
        for limit in _limits(limit_range, "PersistentVolumeClaim"):
            errors += _Asked("PersistentVolumeClaim", requests, {}).storage_problems(limit)
        if errors:
            raise refusal(op, _joined(errors))


class _Asked:
    """The requests and limits of one container, pod or claim, held against bounds."""

    def __init__(self, kind: str, requests: dict[str, str], limits: dict[str, str]) -> None:
        self._kind = kind
        self._requests = requests
        self._limits = limits

    def problems(self, limit: Document) -> Iterator[str]:
        yield from self._each(limit, "min", self._below)
        yield from self._each(limit, "max", self._above)
        yield from self._each(limit, "maxLimitRequestRatio", self._ratio)

    def storage_problems(self, limit: Document) -> Iterator[str]:
        yield from self._each(limit, "min", self._below)
        yield from self._each(limit, "max", self._request_above)

    @staticmethod
    def _each(limit: Document, field: str, check: Callable[[str, str], str]) -> Iterator[str]:
        for name, bound in sorted((limit.get(field) or {}).items()):
            problem = check(name, bound)
            if problem:
                yield problem

    def _usage(self, which: str, name: str, bound: str) -> str:
        return f"{which} {name} usage per {self._kind} is {canonical(bound)}"

    def _below(self, name: str, bound: str) -> str:
        said, request, limit = self._usage("minimum", name, bound), self._requests.get(name), self._limits.get(name)
        if request is None:
            return f"{said}.  No request is specified"
        if parse(request) < parse(bound):
            return f"{said}, but request is {canonical(request)}"
        if limit is not None and parse(limit) < parse(bound):
            return f"{said}, but limit is {canonical(limit)}"
        return ""

    def _above(self, name: str, bound: str) -> str:
        said, request, limit = self._usage("maximum", name, bound), self._requests.get(name), self._limits.get(name)
        if limit is None:
            return f"{said}.  No limit is specified"
        if parse(limit) > parse(bound):
            return f"{said}, but limit is {canonical(limit)}"
        if request is not None and parse(request) > parse(bound):
            return f"{said}, but request is {canonical(request)}"
        return ""

    def _request_above(self, name: str, bound: str) -> str:
        said, request = self._usage("maximum", name, bound), self._requests.get(name)
        if request is None:
            return f"{said}.  No request is specified"
        return f"{said}, but request is {canonical(request)}" if parse(request) > parse(bound) else ""

    def _ratio(self, name: str, bound: str) -> str:
        said = f"{name} max limit to request ratio per {self._kind} is {canonical(bound)}"
        request, limit = parse(self._requests.get(name, "0")), parse(self._limits.get(name, "0"))
        if not request:
            return f"{said}, but no request is specified or request is 0"
        if not limit:
            return f"{said}, but no limit is specified or limit is 0"
        ratio = Fraction(limit, request)
        return f"{said}, but provided ratio is {float(ratio):f}" if ratio > parse(bound) else ""


def _joined(errors: list[str]) -> str:
    unique = list(dict.fromkeys(errors))
    return unique[0] if len(unique) == 1 else "[" + ", ".join(unique) + "]"


POD_DEFAULTS = Plugin("LimitRanger", frozenset({"pods"}), CREATE, admit=_set_defaults, validate=_check_pod)
POD_RESIZE = Plugin(
    "LimitRanger",
    frozenset({"pods"}),
    frozenset({"UPDATE"}),
    frozenset({"resize"}),
    admit=_set_defaults,
    validate=_check_pod,
)
CLAIMS = Plugin("LimitRanger", frozenset({"persistentvolumeclaims"}), WRITES, validate=_check_claim)

"""What decides where and in which order pods run: Priority, DefaultTolerationSeconds, RuntimeClass, node taints.

Sources of meaning: plugin/pkg/admission/{priority,defaulttolerationseconds,runtimeclass,nodetaint}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiserver.admission.plugin import CREATE, WRITES, Document, Plugin, Reader, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

_PODS = frozenset({"pods"})
_CLASSES = "priorityclasses.scheduling.k8s.io"
_NOT_READY = "node.kubernetes.io/not-ready"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_TOLERATE_SECONDS = 300


def _set_priority(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    if op.verb == "UPDATE":
        for field in ("priority", "preemptionPolicy"):
            if spec.get(field) is None and op.old_object["spec"].get(field) is not None:
                spec[field] = op.old_object["spec"][field]
        return
    name = spec.get("priorityClassName")
    found = reader.get(_CLASSES, "", name) if name else _default_class(reader)
    if name and found is None:
        raise refusal(op, f"no PriorityClass with name {name} was found")
    if found is not None:
        spec["priorityClassName"] = found["metadata"]["name"]
    priority = (found or {}).get("value", 0)
    policy = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
    _refuse_other(
        op, spec.get("priority"), priority, f"the integer value of priority ({spec.get('priority')})", priority
    )
    _refuse_other(
        op,
        spec.get("preemptionPolicy"),
        policy,
        f"the string value of PreemptionPolicy ({spec.get('preemptionPolicy')})",
        policy,
    )
    spec["priority"], spec["preemptionPolicy"] = priority, policy


def _refuse_other(op: Operation, given: object, wanted: object, what: str, computed: object) -> None:
    if given is not None and given != wanted:
        raise refusal(
            op,
            f"{what} must not be provided in pod spec; priority admission controller computed {computed} from the "
            "given PriorityClass name",
        )


def _default_class(reader: Reader) -> Document | None:
    defaults = [c for c in reader.list(_CLASSES) if c.get("globalDefault")]
    return min(defaults, key=lambda c: c["value"]) if defaults else None


def _one_default_class(op: Operation, reader: Reader) -> None:
    if not op.object.get("globalDefault"):
        return
    default = _default_class(reader)
    if default is not None and (op.verb == "CREATE" or default["metadata"]["name"] != op.object["metadata"]["name"]):
        name = default["metadata"]["name"]
        raise refusal(op, f"PriorityClass {name} is already marked as default. Only one default can exist")


def _tolerate_briefly(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    tolerations = spec.get("tolerations") or []
    missing = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATE_SECONDS}
        for key in (_NOT_READY, _UNREACHABLE)
        if not any(_tolerates(t, key) for t in tolerations)
    ]
    if missing:
        spec["tolerations"] = [*tolerations, *missing]


def _tolerates(toleration: Document, key: str) -> bool:
    return toleration.get("key", "") in (key, "") and toleration.get("effect", "") in ("NoExecute", "")


def _apply_runtime_class(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    runtime = _runtime_class(op, reader)
    if runtime is None:
        return
    overhead = (runtime.get("overhead") or {}).get("podFixed")
    if runtime.get("overhead") is not None:
        if spec.get("overhead") and spec["overhead"] != overhead:
            raise refusal(op, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
        spec["overhead"] = dict(overhead or {})
    scheduling = runtime.get("scheduling") or {}
    selector = spec.get("nodeSelector") or {}
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            raise refusal(
                op,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}",
            )
        spec["nodeSelector"] = selector = {**selector, key: value}
    extra = [t for t in scheduling.get("tolerations") or () if t not in (spec.get("tolerations") or ())]
    if extra:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *extra]


def _check_overhead(op: Operation, reader: Reader) -> None:
    runtime = _runtime_class(op, reader)
    given = op.object["spec"].get("overhead")
    if runtime is not None and runtime.get("overhead") is not None:
        if given != (runtime["overhead"].get("podFixed") or {}):
            raise refusal(op, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    elif given is not None:
        raise refusal(op, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")


def _runtime_class(op: Operation, reader: Reader) -> Document | None:
    name = op.object["spec"].get("runtimeClassName")
    if name is None:
        return None
    runtime = reader.get("runtimeclasses.node.k8s.io", "", name)
    if runtime is None:
        raise refusal(op, f'pod rejected: RuntimeClass "{name}" not found')
    return runtime


def _taint_new_node(op: Operation, reader: Reader) -> None:
    spec = op.object.setdefault("spec", {})
    taints = spec.get("taints") or []
    if not any(t.get("key") == _NOT_READY and t.get("effect") == "NoSchedule" for t in taints):
        spec["taints"] = [*taints, {"key": _NOT_READY, "effect": "NoSchedule"}]


PRIORITY = Plugin("Priority", _PODS, WRITES, admit=_set_priority)
PRIORITY_CLASS = Plugin("Priority", frozenset({_CLASSES}), WRITES, validate=_one_default_class)
DEFAULT_TOLERATIONS = Plugin("DefaultTolerationSeconds", _PODS, WRITES, admit=_tolerate_briefly)
RUNTIME_CLASS = Plugin("RuntimeClass", _PODS, CREATE, admit=_apply_runtime_class, validate=_check_overhead)
TAINT_NODES = Plugin("TaintNodesByCondition", frozenset({"nodes"}), CREATE, admit=_taint_new_node)

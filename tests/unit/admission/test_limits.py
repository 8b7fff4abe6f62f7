from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden
from apimachinery.kinds import named
from apiserver.admission import limits
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]


def reader(*bounds: Document) -> Any:
    limit_range = {"metadata": {"name": "l", "namespace": "n"}, "spec": {"limits": list(bounds)}}
    return MemoryRegistry(("limitranges", limit_range)).reader


def operation(resource: str, spec: Document) -> Operation:
    obj = {"metadata": {"name": "a", "namespace": "n"}, "spec": spec}
    return Operation("CREATE", named(resource), "n", "a", "", obj, None, UserInfo("x"))


def pod(requests: Document | None = None, limits_: Document | None = None, **more: Any) -> Operation:
    resources = {k: v for k, v in (("requests", requests), ("limits", limits_)) if v}
    return operation("pods", {"containers": [{"name": "c", "resources": resources}], **more})


def problem(op: Operation, *bounds: Document) -> str:
    with pytest.raises(Forbidden) as error:
        limits.POD_DEFAULTS.validate(op, reader(*bounds))  # type: ignore[misc]
    return error.value.message.removeprefix('pods "a" is forbidden: ')


def test_containers_get_the_namespaces_defaults_and_the_pod_says_so() -> None:
    bound = {
        "type": "Container",
        "default": {"cpu": "500m", "memory": "256Mi"},
        "defaultRequest": {"cpu": "100m"},
    }
    op = pod(limits_={"memory": "1Gi"})
    limits.POD_DEFAULTS.admit(op, reader(bound))  # type: ignore[misc]
    assert op.object["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m"},
        "limits": {"memory": "1Gi", "cpu": "500m"},
    }
    assert op.object["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    }


def test_a_pod_that_says_everything_is_left_as_it_is() -> None:
    op = pod({"cpu": "1"}, {"cpu": "1"})
    bound = {"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}}
    limits.POD_DEFAULTS.admit(op, reader(bound))  # type: ignore[misc]
    assert "annotations" not in op.object["metadata"]


@pytest.mark.parametrize(
    ("op", "bound", "message"),
    [
        (
            pod({"cpu": "50m"}),
            {"type": "Container", "min": {"cpu": "100m"}},
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            pod(),
            {"type": "Container", "min": {"cpu": "100m"}},
            "minimum cpu usage per Container is 100m.  No request is specified",
        ),
        (
            pod(limits_={"cpu": "2"}),
            {"type": "Container", "max": {"cpu": "1"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            pod(),
            {"type": "Container", "max": {"memory": "1Gi"}},
            "maximum memory usage per Container is 1Gi.  No limit is specified",
        ),
        (
            pod({"cpu": "1"}, {"cpu": "4"}),
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        ),
        (
            pod(limits_={"memory": "1Gi"}, initContainers=[{"name": "i", "resources": {"limits": {"memory": "2Gi"}}}]),
            {"type": "Pod", "max": {"memory": "1536Mi"}},
            "maximum memory usage per Pod is 1536Mi, but limit is 2Gi",
        ),
    ],
)  # fmt: skip
def test_bounds_are_held_in_upstreams_words(op: Operation, bound: Document, message: str) -> None:
    assert problem(op, bound) == message


def test_every_problem_of_a_range_is_said() -> None:
    bound = {"type": "Container", "min": {"cpu": "1", "memory": "1Gi"}}
    said = problem(pod({"cpu": "500m", "memory": "1Mi"}), bound)
    assert said == (
        "[minimum cpu usage per Container is 1, but request is 500m, "
        "minimum memory usage per Container is 1Gi, but request is 1Mi]"
    )


def test_claims_are_held_to_their_storage() -> None:
    op = operation("persistentvolumeclaims", {"resources": {"requests": {"storage": "3Gi"}}})
    bound = {"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}}
    with pytest.raises(Forbidden, match="maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"):
        limits.CLAIMS.validate(op, reader(bound))  # type: ignore[misc]

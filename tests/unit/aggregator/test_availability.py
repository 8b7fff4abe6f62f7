"""What is said of another server without asking it."""

from __future__ import annotations

from typing import Any

import pytest

from apiserver.aggregator.availability import before_asking

REFERENCE = {"namespace": "n", "name": "s", "port": 7443}


def service(port: int = 7443, **spec: Any) -> dict[str, Any]:
    return {"spec": {"type": "ClusterIP", "ports": [{"port": port, "name": "https"}], **spec}}


def endpoints(*, ready: bool | None = True, name: str | None = "https") -> dict[str, Any]:
    conditions = {} if ready is None else {"ready": ready}
    return {
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions}],
        "ports": [{"name": name, "port": 443}],
    }


@pytest.mark.parametrize(
    ("found", "slices", "reason", "message"),
    [
        (None, [], "ServiceNotFound", 'service/s in "n" is not present'),
        (service(443), [], "ServicePortError", 'service/s in "n" is not listening on port 7443'),
        (service(), [], "EndpointsNotFound", 'cannot find endpointslices for service/s in "n"'),
        (
            service(),
            [endpoints(ready=False), endpoints(name=None)],
            "MissingEndpoints",
            'endpointslices for service/s in "n" have no addresses with port name "https"',
        ),
    ],
)
def test_what_is_wrong_is_named(found: Any, slices: list[Any], reason: str, message: str) -> None:
    assert before_asking(REFERENCE, found, slices) == ("False", reason, message)


@pytest.mark.parametrize("ready", [True, None])
def test_a_ready_endpoint_is_worth_asking(ready: bool | None) -> None:
    assert before_asking(REFERENCE, service(), [endpoints(ready=ready)]) is None


def test_the_endpoints_of_another_name_are_not_looked_at() -> None:
    assert before_asking(REFERENCE, service(type="ExternalName"), []) is None

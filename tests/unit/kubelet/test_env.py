from __future__ import annotations

from typing import Any

import pytest

from kubelet.pods.downward import Facts
from kubelet.pods.env import CONFIG_MAP, SECRET, ConfigError, environment, referenced, service_variables
from kubelet.pods.expansion import expand
from tests.unit.kubelet.fakes import container, pod

FACTS = Facts("192.168.0.1", ("10.0.0.2",), {"cpu": "2", "memory": "4Gi"})
CM = {"data": {"A": "1", "b": "two"}, "binaryData": {"c": "AAE="}}
OBJECTS = {(CONFIG_MAP, "cm"): CM, (SECRET, "s"): {"data": {"pw": "c2VjcmV0"}}, (CONFIG_MAP, "none"): None}


def env_of(entries: list[Any], *, services: Any = None, env_from: Any = (), **fields: Any) -> dict[str, str]:
    wanted = container(env=entries, envFrom=list(env_from), **fields)
    document = pod(containers=[wanted], metadata={"labels": {"app": "web", "b": 'x"y'}})
    return dict(environment(document, wanted, objects=OBJECTS, services=services or {}, facts=FACTS))


def ref(**source: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": source}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$(A)$(B)", "1$(B)"),
        ("$$(A)", "$(A)"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("a$", "a$"),
        ("$()", "$()"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_values_refer_to_earlier_ones_and_to_services() -> None:
    found = env_of(
        [{"name": "A", "value": "x$(B)"}, {"name": "B", "value": "$(A)-$(DB_SERVICE_HOST)"}],
        services={"DB_SERVICE_HOST": "10.96.0.5"},
    )
    assert found == {"A": "x$(B)", "B": "x$(B)-10.96.0.5", "DB_SERVICE_HOST": "10.96.0.5"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"fieldRef": {"fieldPath": "metadata.name"}}, "web"),
        ({"fieldRef": {"fieldPath": "status.podIP"}}, "10.0.0.2"),
        ({"fieldRef": {"fieldPath": "status.hostIP"}}, "192.168.0.1"),
        ({"fieldRef": {"fieldPath": "metadata.labels['app']"}}, "web"),
        ({"fieldRef": {"fieldPath": "metadata.labels"}}, 'app="web"\nb="x\\"y"'),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, "2"),
        ({"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}, "4096"),
        ({"resourceFieldRef": {"resource": "requests.cpu"}}, "0"),
        ({"configMapKeyRef": {"name": "cm", "key": "b"}}, "two"),
        ({"secretKeyRef": {"name": "s", "key": "pw"}}, "secret"),
    ],
)
def test_sources_of_values(source: dict[str, Any], expected: str) -> None:
    assert env_of([ref(**source)])["X"] == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "b"}}, 'configmap "none" not found'),
        ({"configMapKeyRef": {"name": "cm", "key": "z"}}, "couldn't find key z in ConfigMap default/cm"),
        ({"secretKeyRef": {"name": "gone", "key": "b"}}, 'secret "gone" not found'),
        ({"secretKeyRef": {"name": "s", "key": "z"}}, "couldn't find key z in Secret default/s"),
        ({"fieldRef": {"fieldPath": "spec.nope"}}, "unsupported fieldPath: spec.nope"),
    ],
)
def test_what_is_missing_is_named(source: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        env_of([ref(**source)])


def test_what_is_optional_may_be_missing() -> None:
    assert env_of([ref(configMapKeyRef={"name": "none", "key": "b", "optional": True})]) == {}
    assert env_of([], env_from=[{"secretRef": {"name": "gone", "optional": True}}]) == {}


def test_whole_objects_come_with_a_prefix_and_give_way_to_single_values() -> None:
    found = env_of([{"name": "P_A", "value": "mine"}], env_from=[{"prefix": "P_", "configMapRef": {"name": "cm"}}])
    assert found == {"P_A": "mine", "P_b": "two"}


def test_referenced_names_every_object() -> None:
    wanted = container(env=[ref(configMapKeyRef={"name": "cm", "key": "b"})], envFrom=[{"secretRef": {"name": "s"}}])
    assert list(referenced(wanted)) == [(SECRET, "s"), (CONFIG_MAP, "cm")]


def service(name: str, namespace: str = "default", address: str = "10.96.0.5") -> dict[str, Any]:
    ports = [{"name": "web-ui", "port": 80}, {"port": 53, "protocol": "UDP"}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": ports}}


def test_service_variables_are_those_of_docker_links() -> None:
    assert service_variables([service("my-db")], "default", links=True) == {
        "MY_DB_SERVICE_HOST": "10.96.0.5",
        "MY_DB_SERVICE_PORT": "80",
        "MY_DB_SERVICE_PORT_WEB_UI": "80",
        "MY_DB_PORT": "tcp://10.96.0.5:80",
        "MY_DB_PORT_80_TCP": "tcp://10.96.0.5:80",
        "MY_DB_PORT_80_TCP_PROTO": "tcp",
        "MY_DB_PORT_80_TCP_PORT": "80",
        "MY_DB_PORT_80_TCP_ADDR": "10.96.0.5",
        "MY_DB_PORT_53_UDP": "udp://10.96.0.5:53",
        "MY_DB_PORT_53_UDP_PROTO": "udp",
        "MY_DB_PORT_53_UDP_PORT": "53",
        "MY_DB_PORT_53_UDP_ADDR": "10.96.0.5",
    }


def test_the_api_server_is_always_named_other_services_only_where_wanted() -> None:
    services = [service("kubernetes"), service("db", "other"), service("headless", "other", "None")]
    assert "KUBERNETES_SERVICE_HOST" in service_variables(services, "other", links=False)
    assert "DB_SERVICE_HOST" not in service_variables(services, "other", links=False)
    assert "DB_SERVICE_HOST" in service_variables(services, "other", links=True)
    assert not any(k.startswith("HEADLESS") for k in service_variables(services, "other", links=True))

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from apimachinery.errors import Forbidden, Invalid
from apimachinery.kinds import named
from apiserver.admission import pod_security
from apiserver.admission.pod_standards import LATEST, violations
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
PREFIX = "pod-security.kubernetes.io/"

FINE: Document = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "image": "i",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def pod(**spec: Any) -> Document:
    return {"metadata": {"name": "p", "namespace": "n"}, "spec": {**deepcopy(FINE), **spec}}


def with_security(**security: Any) -> Document:
    made = pod()
    made["spec"]["containers"][0]["securityContext"] |= security
    return made


def namespace(**labels: str) -> Document:
    return {"metadata": {"name": "n", "labels": {PREFIX + k.replace("_", "-"): v for k, v in labels.items()}}}


def check(
    obj: Document,
    labels: Document,
    *,
    resource: str = "pods",
    old: Document | None = None,
    plugin: Any = pod_security.PLUGIN,
    registry: MemoryRegistry | None = None,
) -> list[str]:
    """The warnings."""
    registry = registry or MemoryRegistry()
    registry.put("namespaces", labels)
    verb = "CREATE" if old is None else "UPDATE"
    op = Operation(verb, named(resource), "n", obj["metadata"]["name"], "", obj, old, UserInfo("x"))
    plugin.validate(op, registry.reader)
    return op.warnings


def test_a_pod_that_says_nothing_is_not_restricted() -> None:
    bare = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    with pytest.raises(Forbidden) as error:
        check(bare, namespace(enforce="restricted"))
    assert error.value.message == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container '
        '"c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must '
        'set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set '
        'securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    assert check(bare, namespace(enforce="baseline")) == []
    assert check(bare, namespace()) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            with_security(privileged=True),
            'privileged (container "c" must not set securityContext.privileged=true)',
        ),
        (
            with_security(capabilities={"add": ["SYS_ADMIN", "CHOWN"]}),
            'non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
        ),
        (
            pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}, {"name": "e", "emptyDir": {}}]),
            'hostPath volumes (volume "h")',
        ),
        (
            pod(containers=[{"name": "a", "ports": [{"hostPort": 80}]}, {"name": "b", "ports": [{"hostPort": 81}]}]),
            'hostPort (containers "a", "b" use hostPorts 80, 81)',
        ),
        (
            pod(securityContext={"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}]}),
            "forbidden sysctls (kernel.msgmax)",
        ),
        (
            pod(securityContext={"seLinuxOptions": {"type": "x", "user": "u"}}),
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)',
        ),
        (
            pod(containers=[{"name": "c", "livenessProbe": {"httpGet": {"host": "1.1.1.1"}}}]),
            'probe or lifecycle host (container "c" uses probe or lifecycle host "1.1.1.1")',
        ),
        (
            with_security(procMount="Unmasked"),
            'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
        ),
    ],
)  # fmt: skip
def test_the_baseline_forbids(found: Document, said: str) -> None:
    with pytest.raises(Forbidden) as error:
        check(found, namespace(enforce="baseline"))
    assert error.value.message.endswith(f'violates PodSecurity "baseline:latest": {said}')


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            pod(volumes=[{"name": "n", "nfs": {}}, {"name": "h", "hostPath": {}}]),
            'restricted volume types (volumes "n", "h" use restricted volume types "hostPath", "nfs")',
        ),
        (with_security(runAsUser=0), 'runAsUser=0 (container "c" must not set runAsUser=0)'),
        (
            with_security(runAsNonRoot=False),
            'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
        ),
    ],
)
def test_restricted_forbids_more(found: Document, said: str) -> None:
    with pytest.raises(Forbidden) as error:
        check(found, namespace(enforce="restricted"))
    assert error.value.message.endswith(said)


def test_older_versions_know_less() -> None:
    spec = with_security(runAsUser=0)["spec"]
    assert [r for r, _ in violations("restricted", LATEST, spec, {})] == ["runAsUser=0"]
    assert violations("restricted", 22, spec, {}) == []
    with pytest.raises(Forbidden, match=r'violates PodSecurity "restricted:v1\.30"'):
        check(with_security(runAsUser=0), namespace(enforce="restricted", enforce_version="v1.30"))


def test_warnings_are_given_and_default_to_what_is_enforced() -> None:
    warnings = check(pod(hostIPC=True), namespace(warn="baseline"))
    assert warnings == ['would violate PodSecurity "baseline:latest": host namespaces (hostIPC=true)']
    deployment = {"metadata": {"name": "d"}, "spec": {"template": pod(hostIPC=True)}}
    labels = namespace(enforce="baseline")
    assert check(deployment, labels, resource="deployments.apps", plugin=pod_security.TEMPLATES) == warnings


def test_updates_that_change_no_image_are_let_through() -> None:
    bad = pod(hostIPC=True)
    assert check(bad, namespace(enforce="baseline"), old=deepcopy(bad)) == []
    other = deepcopy(bad)
    other["spec"]["containers"][0]["image"] = "other"
    with pytest.raises(Forbidden):
        check(other, namespace(enforce="baseline"), old=bad)


def test_wrong_labels_are_refused_and_existing_pods_are_warned_of() -> None:
    wrong = namespace(enforce="none", warn_version="1.2")
    with pytest.raises(Invalid) as error:
        check(wrong, wrong, resource="namespaces", plugin=pod_security.NAMESPACES)
    assert [c["field"] for c in error.value.causes] == [
        "metadata.labels[pod-security.kubernetes.io/enforce]",
        "metadata.labels[pod-security.kubernetes.io/warn-version]",
    ]
    registry = MemoryRegistry()
    for name in ("a", "b"):
        found = pod(hostIPC=True)
        found["metadata"]["name"] = name
        registry.put("pods", found)
    new = namespace(enforce="baseline")
    warnings = check(
        new, new, resource="namespaces", old=namespace(), plugin=pod_security.NAMESPACES, registry=registry
    )
    assert warnings == [
        'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): host namespaces",
    ]

import copy
from typing import Any

import pytest

from apimachinery.kinds import named
from apimachinery.kinds.kind import Subresource
from tests.unit.kinds.checked import GONE, on_create, on_status_update, on_update
from tests.unit.kinds.samples import created
from tests.unit.kinds.test_validation_of_metadata import LABEL

WEB = "spec.containers.0."
FIRST = "spec.containers[0]"
PORT_NAME = [
    "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    "must contain at least one letter (a-z)",
]
UPDATE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"spec.containers": []}, ["spec.containers: Required value"]),
        (
            {WEB + "name": "Bad_Name", WEB + "image": ""},
            [f'{FIRST}.name: Invalid value: "Bad_Name": {LABEL}', f"{FIRST}.image: Required value"],
        ),
        (
            {WEB + "image": " x "},
            [f'{FIRST}.image: Invalid value: " x ": must not have leading or trailing whitespace'],
        ),
        (
            {"spec.containers.1": {"name": "web", "image": "x"}},
            ['spec.containers[1].name: Duplicate value: "web"'],
        ),
        ({"spec.initContainers.0.name": "web"}, ['spec.initContainers[0].name: Duplicate value: "web"']),
        (
            {WEB + "imagePullPolicy": "Sometimes"},
            [
                f'{FIRST}.imagePullPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "IfNotPresent", "Never"'
            ],
        ),
        (
            {"spec.initContainers.0.readinessProbe": {"exec": {"command": ["true"]}}},
            [
                "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without "
                "restartPolicy=Always"
            ],
        ),
        (
            {"spec.ephemeralContainers": [{"name": "e", "image": "i"}]},
            ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
        ),
    ],
)
def test_containers(changes, errors):
    assert on_create("pods", changes) == errors


@pytest.mark.parametrize(
    ("ports", "errors"),
    [
        ([{"containerPort": 0}], [f"{FIRST}.ports[0].containerPort: Required value"]),
        (
            [{"containerPort": 70000}],
            [f"{FIRST}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
        ),
        (
            [{"containerPort": 1, "name": "UPPER"}],
            [f'{FIRST}.ports[0].name: Invalid value: "UPPER": {problem}' for problem in PORT_NAME],
        ),
        (
            [{"containerPort": 1, "protocol": "X"}],
            [f'{FIRST}.ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'],
        ),
        (
            [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}],
            [f'{FIRST}.ports[1].name: Duplicate value: "a"'],
        ),
        (
            [{"containerPort": 1, "hostPort": 8080}, {"containerPort": 2, "hostPort": 8080}],
            [f'{FIRST}.ports[1].hostPort: Duplicate value: "TCP//8080"'],
        ),
    ],
)
def test_ports(ports, errors):
    assert on_create("pods", {WEB + "readinessProbe": GONE, WEB + "ports": ports}) == errors


@pytest.mark.parametrize(
    ("variable", "errors"),
    [
        ({"name": ""}, ["name: Required value"]),
        (
            {"name": "a=b"},
            [
                'name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII '
                "characters other than '='"
            ],
        ),
        (
            {"name": "x", "value": "y", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            ['valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
        ),
        (
            {"name": "x", "valueFrom": {"fieldRef": {"fieldPath": "spec.bad"}}},
            [
                'valueFrom.fieldRef.fieldPath: Invalid value: "spec.bad": error converting fieldPath: field label not '
                "supported: spec.bad"
            ],
        ),
        (
            {"name": "x", "valueFrom": {}},
            [
                'valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, '
                "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            ],
        ),
    ],
)
def test_variables(variable, errors):
    assert on_create("pods", {WEB + "env": [variable]}) == [f"{FIRST}.env[0].{error}" for error in errors]


@pytest.mark.parametrize(
    ("resources", "errors"),
    [
        (
            {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            ['requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
        ),
        (
            {"requests": {"bad": "1"}},
            [
                'requests[bad]: Invalid value: "bad": must be a standard resource type or fully qualified',
                'requests[bad]: Invalid value: "bad": must be a standard resource for containers',
            ],
        ),
        (
            {"requests": {"example.com/gpu": "1"}},
            ["limits: Required value: Limit must be set for non overcommitable resources"],
        ),
        ({"requests": {"memory": "-1"}}, ['requests[memory]: Invalid value: "-1": must be greater than or equal to 0']),
    ],
)
def test_resources(resources, errors):
    assert on_create("pods", {WEB + "resources": resources}) == [f"{FIRST}.resources.{error}" for error in errors]


@pytest.mark.parametrize(
    ("mount", "error"),
    [
        ({"name": "nope", "mountPath": "/a"}, 'volumeMounts[0].name: Not found: "nope"'),
        ({"name": "data", "mountPath": ""}, "volumeMounts[0].mountPath: Required value"),
        (
            {"name": "data", "mountPath": "/a", "subPath": "../x"},
            "volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
        ),
    ],
)
def test_mounts(mount, error):
    assert on_create("pods", {WEB + "volumeMounts": [mount]}) == [f"{FIRST}.{error}"]


@pytest.mark.parametrize(
    ("probe", "errors"),
    [
        ({}, [": Required value: must specify a handler type"]),
        ({"exec": {"command": []}}, [".exec.command: Required value"]),
        (
            {"exec": {"command": ["true"]}, "tcpSocket": {"port": 1}},
            [".tcpSocket: Forbidden: may not specify more than 1 handler type"],
        ),
        (
            {"exec": {"command": ["true"]}, "periodSeconds": -1, "successThreshold": 2},
            [
                ".periodSeconds: Invalid value: -1: must be greater than or equal to 0",
                ".successThreshold: Invalid value: 2: must be 1",
            ],
        ),
        ({"httpGet": {"port": 0}}, [".httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
    ],
)
def test_probes(probe, errors):
    assert on_create("pods", {WEB + "livenessProbe": probe}) == [f"{FIRST}.livenessProbe{error}" for error in errors]


@pytest.mark.parametrize(
    ("volume", "errors"),
    [
        ({"name": "Bad_", "emptyDir": {}}, [f'name: Invalid value: "Bad_": {LABEL}']),
        ({"name": "data", "emptyDir": {}}, ['name: Duplicate value: "data"']),
        (
            {"name": "x", "emptyDir": {}, "secret": {"secretName": "s"}},
            ["secret: Forbidden: may not specify more than 1 volume type"],
        ),
        ({"name": "x", "secret": {}}, ["secret.secretName: Required value"]),
        ({"name": "x", "persistentVolumeClaim": {}}, ["persistentVolumeClaim.claimName: Required value"]),
        (
            {"name": "x", "hostPath": {"path": "/../x", "type": "Bad"}},
            [
                "hostPath.path: Invalid value: \"/../x\": must not contain '..'",
                'hostPath.type: Unsupported value: "Bad": supported values: "", "BlockDevice", "CharDevice", '
                '"Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
            ],
        ),
    ],
)
def test_volumes(volume, errors):
    assert on_create("pods", {"spec.volumes.3": volume}) == [f"spec.volumes[3].{error}" for error in errors]


@pytest.mark.parametrize(
    ("toleration", "error"),
    [
        (
            {"operator": "Equal"},
            'operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means '
            '"match all values and all keys"',
        ),
        (
            {"operator": "Exists", "key": "a", "value": "b"},
            "operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
        ),
        (
            {"key": "a", "effect": "Bad"},
            'effect: Unsupported value: "Bad": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        ),
        (
            {"key": "a", "tolerationSeconds": 1},
            "effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
    ],
)
def test_tolerations(toleration, error):
    assert on_create("pods", {"spec.tolerations": [toleration]}) == [f"spec.tolerations[0].{error}"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        (
            {"spec.restartPolicy": "Bad", "spec.dnsPolicy": "Bad"},
            [
                'spec.restartPolicy: Unsupported value: "Bad": supported values: "Always", "OnFailure", "Never"',
                'spec.dnsPolicy: Unsupported value: "Bad": supported values: "ClusterFirstWithHostNet", '
                '"ClusterFirst", "Default", "None"',
            ],
        ),
        (
            {"spec.dnsPolicy": "None"},
            ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
        ),
        (
            {"spec.activeDeadlineSeconds": 0},
            ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
        ),
        (
            {"spec.topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "x"}]},
            [
                "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
                "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
                'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "x": supported values: '
                '"DoNotSchedule", "ScheduleAnyway"',
            ],
        ),
        (
            {"spec.affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}},
            [
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
                "Required value: must have at least one node selector term"
            ],
        ),
        (
            {"spec.securityContext": {"runAsUser": -1, "seccompProfile": {"type": "Localhost"}}},
            [
                "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type "
                "is Localhost",
            ],
        ),
        (
            {"spec.hostAliases": [{"ip": "x", "hostnames": ["a"]}]},
            [
                'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, '
                "(e.g. 10.9.8.7 or 2001:db8::ffff)"
            ],
        ),
    ],
)
def test_the_rest_of_the_spec(changes, errors):
    assert on_create("pods", changes) == errors


def test_privileges_cannot_be_both_given_and_withheld():
    context = {"privileged": True, "allowPrivilegeEscalation": False}
    (error,) = on_create("pods", {WEB + "securityContext": context})
    assert error.endswith("cannot set `allowPrivilegeEscalation` to false and `privileged` to true")


def test_images_and_deadlines_may_change():
    changes = {WEB + "image": "other", "spec.initContainers.0.image": "other", "spec.activeDeadlineSeconds": 5}
    assert on_update("pods", changes) == []


def test_tolerations_may_be_added_but_not_removed():
    more = {"key": "b", "operator": "Exists"}
    assert on_update("pods", {"spec.tolerations.1": more}) == []
    assert on_update("pods", {"spec.tolerations": []}) == [
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    ]


def test_nothing_else_of_a_pod_may_change_and_the_message_shows_what_did():
    (error,) = on_update("pods", {WEB + "env.0.value": "z"})
    assert error.startswith(UPDATE)
    assert '-     "value": "b"\n' in error
    assert '+     "value": "z"\n' in error


@pytest.mark.parametrize(
    "changes",
    [{"spec.nodeName": "z"}, {"spec.terminationGracePeriodSeconds": 5}, {"spec.restartPolicy": "Never"}],
)
def test_fields_of_the_pod_itself_may_not_change(changes):
    (error,) = on_update("pods", changes)
    assert error.startswith(UPDATE)


def test_containers_are_neither_added_nor_removed():
    error = "spec.containers: Forbidden: pod updates may not add or remove containers"
    assert on_update("pods", {"spec.containers.1": {"name": "z", "image": "z"}}) == [error]


def test_a_gated_pod_may_be_steered_and_let_go():
    before = {"spec.schedulingGates": [{"name": "example.com/wait"}]}
    assert on_update("pods", {"spec.schedulingGates": []}, before) == []
    assert on_update("pods", {"spec.nodeSelector": {"zone": "a"}}, before) == []
    (error,) = on_update("pods", {"spec.schedulingGates": [{"name": "example.com/other"}]}, before)
    assert error.startswith("spec.schedulingGates")


def subresource(name: str) -> Subresource:
    return next(s for s in named("pods").subresources if s.name == name)


def through(name: str, change: Any) -> list[str]:
    old = created(named("pods"))
    old["metadata"]["resourceVersion"] = "7"
    new = copy.deepcopy(old)
    change(new["spec"])
    named("pods").set_defaults(new)
    part = subresource(name)
    assert part.prepare_update is not None and part.validate_update is not None
    part.prepare_update(new, old, "2026-01-02T03:04:05Z")
    return [str(error) for error in part.validate_update(new, old)]


def test_a_container_for_debugging_may_be_added():
    debug = {"name": "debug", "image": "busybox"}
    assert through("ephemeralcontainers", lambda spec: spec.update(ephemeralContainers=[debug])) == []


def test_a_container_for_debugging_has_no_ports():
    debug = {"name": "debug", "image": "busybox", "ports": [{"containerPort": 1}]}
    assert through("ephemeralcontainers", lambda spec: spec.update(ephemeralContainers=[debug])) == [
        "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container"
    ]


def test_a_resize_changes_processors_and_memory():
    resources = {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "500m", "memory": "64Mi"}}
    assert through("resize", lambda spec: spec["containers"][0].update(resources=resources)) == []


def test_a_container_that_ended_for_good_does_not_run_again():
    def status(state: dict[str, Any]) -> dict[str, Any]:
        each = {"name": "init", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        return {"phase": "Running", "qosClass": "Burstable", "initContainerStatuses": [each]}

    ended = status({"terminated": {"exitCode": 0}})
    assert on_status_update("pods", ended, ended) == []


def test_the_class_of_a_pod_does_not_change():
    (error,) = on_status_update("pods", {"qosClass": "Burstable"}, {"qosClass": "Guaranteed"})
    assert error == 'status.qosClass: Invalid value: "Guaranteed": field is immutable'


def test_addresses_in_the_status_have_to_be_addresses():
    errors = on_status_update("pods", {}, {"podIPs": [{"ip": "x"}]})
    assert errors == [
        'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
    ]


def test_a_client_that_leaves_out_what_is_false_changes_nothing() -> None:
    from apimachinery.validation.basics import same

    assert same({"a": [{"name": "v"}]}, {"a": [{"name": "v", "readOnly": False, "subPath": "", "items": []}]})
    assert not same({"readOnly": True}, {}) and not same({"n": 1}, {"n": 0})

from datetime import UTC, datetime
from typing import Any

import pytest

from apimachinery.kinds import named

Document = dict[str, Any]
CREATED = "2026-01-02T03:04:05Z"
NOW = datetime(2026, 1, 2, 3, 6, 5, tzinfo=UTC)


def row(resource: str, **parts: Any) -> dict[str, Any]:
    """The cells of a two minutes old object by the names of their columns."""
    metadata = {"name": "x", "namespace": "default", "creationTimestamp": CREATED, **parts.pop("metadata", {})}
    printer = named(resource).printer
    assert printer is not None
    cells = printer.row({"metadata": metadata, **parts}, NOW)
    return dict(zip((column.name for column in printer.columns), cells, strict=False))


def pod(status: Document | None = None, metadata: Document | None = None, **spec: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "a"}], "nodeName": "node", **spec}
    return row("pods", spec=spec, status=status or {}, metadata=metadata or {})


def state(kind: str, **fields: Any) -> Document:
    return {"name": "a", "ready": kind == "running", "restartCount": fields.pop("restarts", 0), "state": {kind: fields}}


def test_a_running_pod():
    cells = pod({"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [state("running")]})
    assert (cells["Ready"], cells["Status"], cells["Restarts"], cells["Age"]) == ("1/1", "Running", "0", "2m")
    assert (cells["IP"], cells["Node"]) == ("10.0.0.1", "node")
    assert (cells["Nominated Node"], cells["Readiness Gates"]) == ("<none>", "<none>")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"phase": "Pending", "containerStatuses": [state("waiting", reason="ImagePullBackOff")]}, "ImagePullBackOff"),
        ({"phase": "Succeeded", "containerStatuses": [state("terminated", reason="Completed")]}, "Completed"),
        ({"phase": "Failed", "containerStatuses": [state("terminated", exitCode=3)]}, "ExitCode:3"),
        ({"phase": "Failed", "containerStatuses": [state("terminated", signal=9)]}, "Signal:9"),
        ({"phase": "Failed", "containerStatuses": [state("terminated", reason="Error", exitCode=1)]}, "Error"),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
            },
            "SchedulingGated",
        ),
    ],
)
def test_the_status_of_a_pod_is_its_most_telling_reason(status, expected):
    assert pod(status)["Status"] == expected


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ([state("running")], "Init:0/2"),
        ([state("terminated", exitCode=0), state("waiting")], "Init:1/2"),
        ([state("terminated", exitCode=1)], "Init:ExitCode:1"),
        ([state("terminated", exitCode=1, reason="Error")], "Init:Error"),
        ([state("waiting", reason="CrashLoopBackOff")], "Init:CrashLoopBackOff"),
    ],
)
def test_a_pod_that_initializes_says_how_far_it_is(init, expected):
    containers = [{"name": "a"}, {"name": "b"}]
    status = {"phase": "Pending", "initContainerStatuses": init}
    assert pod(status, initContainers=containers)["Status"] == expected


def test_restarts_tell_when_the_last_was():
    status = state("running", restarts=3)
    status["lastState"] = {"terminated": {"finishedAt": "2026-01-02T03:05:35Z"}}
    assert pod({"phase": "Running", "containerStatuses": [status]})["Restarts"] == "3 (30s ago)"


def test_a_sidecar_counts_as_a_container():
    sidecar = {"name": "s", "restartPolicy": "Always"}
    started = {**state("running"), "name": "s", "started": True}
    status = {"phase": "Running", "containerStatuses": [state("running")], "initContainerStatuses": [started]}
    assert pod(status, initContainers=[sidecar])["Ready"] == "2/2"


def test_a_pod_that_is_deleted_is_terminating_unless_its_node_is_lost():
    deleted = {"deletionTimestamp": CREATED}
    assert pod({"phase": "Running"}, metadata=deleted)["Status"] == "Terminating"
    assert pod({"phase": "Running", "reason": "NodeLost"}, metadata=deleted)["Status"] == "Unknown"


def test_a_completed_pod_says_so_in_its_row():
    printer = named("pods").printer
    assert printer is not None and printer.conditions is not None
    (condition,) = printer.conditions({"status": {"phase": "Succeeded"}})
    assert (condition["type"], condition["status"], condition["reason"]) == ("Completed", "True", "Succeeded")
    assert not printer.conditions({"status": {"phase": "Running"}})


def test_a_node():
    cells = row(
        "nodes",
        metadata={"labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "worker"}},
        spec={"unschedulable": True},
        status={
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
        },
    )
    assert cells["Status"] == "Ready,SchedulingDisabled"
    assert cells["Roles"] == "control-plane,worker"
    assert (cells["Version"], cells["Internal-IP"], cells["External-IP"]) == ("v1.36.0", "192.0.2.1", "<none>")


@pytest.mark.parametrize(("status", "expected"), [("True", "Ready"), ("False", "NotReady"), ("Unknown", "NotReady")])
def test_a_node_is_ready_or_not(status, expected):
    assert row("nodes", status={"conditions": [{"type": "Ready", "status": status}]})["Status"] == expected


@pytest.mark.parametrize(
    ("spec", "balancer", "external", "ports"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}]}, [], "<none>", "80/TCP"),
        (
            {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}]},
            [],
            "<none>",
            "80:30080/TCP",
        ),
        ({"type": "LoadBalancer", "ports": []}, [], "<pending>", ""),
        (
            {"type": "LoadBalancer"},
            [{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}],
            "192.0.2.1,lb.example.com",
            "<none>",
        ),
        ({"type": "ExternalName", "externalName": "example.com"}, [], "example.com", "<none>"),
    ],
)
def test_a_service(spec, balancer, external, ports):
    cells = row("services", spec={"clusterIP": "10.96.0.1", **spec}, status={"loadBalancer": {"ingress": balancer}})
    assert cells["External-IP"] == external
    assert cells["Port(s)"] == (ports or "<none>")


def test_a_deployment():
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": {"b": "2", "a": "1"}},
        "template": {"spec": {"containers": [{"name": "x", "image": "i"}, {"name": "y", "image": "j"}]}},
    }
    cells = row(
        "deployments.apps", spec=spec, status={"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}
    )
    assert cells == {
        "Name": "x",
        "Ready": "2/3",
        "Up-to-date": 3,
        "Available": 1,
        "Age": "2m",
        "Containers": "x,y",
        "Images": "i,j",
        "Selector": "a=1,b=2",
    }


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"completions": 2}, {"succeeded": 1}, ("Running", "1/2")),
        ({}, {"succeeded": 1}, ("Running", "1/1")),
        ({"parallelism": 3}, {"succeeded": 1}, ("Running", "1/1 of 3")),
        (
            {"completions": 1},
            {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1},
            ("Complete", "1/1"),
        ),
        ({"completions": 1}, {"conditions": [{"type": "Failed", "status": "True"}]}, ("Failed", "0/1")),
        ({"completions": 1}, {"conditions": [{"type": "Suspended", "status": "True"}]}, ("Suspended", "0/1")),
    ],
)
def test_a_job(spec, status, expected):
    cells = row("jobs.batch", spec={"template": {"spec": {"containers": []}}, **spec}, status=status)
    assert (cells["Status"], cells["Completions"]) == expected


def test_a_job_that_ran_tells_for_how_long():
    status = {"startTime": "2026-01-02T03:04:10Z", "completionTime": "2026-01-02T03:04:55Z"}
    assert row("jobs.batch", spec={"template": {}}, status=status)["Duration"] == "45s"


def test_a_cron_job():
    spec = {
        "schedule": "0 * * * *",
        "timeZone": "Europe/Paris",
        "suspend": True,
        "jobTemplate": {"spec": {"template": {}}},
    }
    cells = row("cronjobs.batch", spec=spec, status={"active": [{}], "lastScheduleTime": "2026-01-02T03:05:05Z"})
    assert (cells["Schedule"], cells["Timezone"], cells["Suspend"]) == ("0 * * * *", "Europe/Paris", "True")
    assert (cells["Active"], cells["Last Schedule"]) == (1, "60s")


def test_a_bound_claim():
    cells = row(
        "persistentvolumeclaims",
        spec={"volumeName": "pv", "storageClassName": "fast", "volumeMode": "Filesystem"},
        status={"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"]},
    )
    assert [cells[n] for n in ("Status", "Volume", "Capacity", "Access Modes", "StorageClass")] == [
        "Bound",
        "pv",
        "1Gi",
        "RWO,ROX",
        "fast",
    ]


@pytest.mark.parametrize("resource", ["persistentvolumeclaims", "persistentvolumes"])
def test_storage_that_is_deleted_is_terminating(resource):
    cells = row(resource, metadata={"deletionTimestamp": CREATED}, spec={}, status={"phase": "Bound"})
    assert cells["Status"] == "Terminating"


def test_a_volume_names_its_claim():
    spec = {"claimRef": {"namespace": "a", "name": "b"}, "capacity": {"storage": "5Gi"}}
    cells = row("persistentvolumes", spec=spec, status={"phase": "Bound"})
    assert (cells["Claim"], cells["Capacity"]) == ("a/b", "5Gi")


def test_an_autoscaler_shows_what_it_measures_and_wants():
    target = {"type": "Utilization", "averageUtilization": 80}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    current = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 40}}}
    cells = row(
        "horizontalpodautoscalers.autoscaling",
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5, "metrics": [metric]},
        status={"currentMetrics": [current], "currentReplicas": 2},
    )
    assert (cells["Reference"], cells["Targets"]) == ("Deployment/web", "cpu: 40%/80%")
    assert (cells["MinPods"], cells["MaxPods"], cells["Replicas"]) == ("<unset>", 5, 2)


def test_an_ingress_shows_its_first_hosts_and_its_addresses():
    rules = [{"host": f"{letter}.example.com"} for letter in "abcd"]
    cells = row(
        "ingresses.networking.k8s.io",
        spec={"ingressClassName": "nginx", "rules": rules, "tls": [{}]},
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    )
    assert cells["Hosts"] == "a.example.com,b.example.com,c.example.com + 1 more..."
    assert (cells["Class"], cells["Address"], cells["Ports"]) == ("nginx", "192.0.2.1", "80, 443")


def test_a_repeated_event_tells_how_often_and_since_when():
    cells = row(
        "events",
        involvedObject={"kind": "Pod", "name": "web"},
        type="Warning",
        reason="BackOff",
        message="  Back-off \n",
        count=3,
        firstTimestamp=CREATED,
        lastTimestamp="2026-01-02T03:06:00Z",
        source={"component": "kubelet", "host": "node"},
    )
    assert (cells["Last Seen"], cells["First Seen"], cells["Count"]) == ("5s", "2m", 3)
    assert (cells["Object"], cells["Source"], cells["Message"]) == ("pod/web", "kubelet, node", "Back-off")


def test_a_quota_shows_used_of_hard():
    status = {"hard": {"pods": "4", "limits.cpu": "2"}, "used": {"pods": "1", "limits.cpu": "500m"}}
    cells = row("resourcequotas", status=status)
    assert (cells["Request"], cells["Limit"]) == ("pods: 1/4", "limits.cpu: 500m/2")


def test_a_binding_shows_whom_it_binds():
    cells = row(
        "rolebindings.rbac.authorization.k8s.io",
        roleRef={"kind": "ClusterRole", "name": "view"},
        subjects=[
            {"kind": "User", "name": "jane"},
            {"kind": "Group", "name": "dev"},
            {"kind": "ServiceAccount", "namespace": "a", "name": "b"},
        ],
    )
    assert (cells["Role"], cells["Users"], cells["Groups"]) == ("ClusterRole/view", "jane", "dev")
    assert cells["ServiceAccounts"] == "a/b"


def test_endpoints_beyond_three_are_counted():
    addresses = [{"ip": f"10.0.0.{n}"} for n in range(1, 6)]
    cells = row("endpoints", subsets=[{"addresses": addresses, "ports": [{"port": 80}]}])
    assert cells["Endpoints"] == "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more..."


def test_a_service_that_answers_for_a_group():
    condition = {"type": "Available", "status": "False", "reason": "MissingEndpoints"}
    spec = {"service": {"namespace": "kube-system", "name": "metrics"}}
    cells = row("apiservices.apiregistration.k8s.io", spec=spec, status={"conditions": [condition]})
    assert (cells["Service"], cells["Available"]) == ("kube-system/metrics", "False (MissingEndpoints)")


def test_a_request_for_a_certificate():
    conditions = [{"type": "Approved"}]
    cells = row(
        "certificatesigningrequests.certificates.k8s.io",
        spec={"signerName": "a/b", "username": "jane", "expirationSeconds": 3600},
        status={"conditions": conditions, "certificate": "QQ=="},
    )
    assert (cells["Condition"], cells["RequestedDuration"]) == ("Approved,Issued", "60m")

from typing import Any

import pytest

from apimachinery.kinds import named
from tests.unit.kinds.samples import created

Document = dict[str, Any]


def defaulted(resource: str, **parts: Any) -> Document:
    obj: Document = {"metadata": {"name": "x"}, **parts}
    named(resource).set_defaults(obj)
    return obj


def pod(**spec: Any) -> Document:
    return defaulted("pods", spec={"containers": [{"name": "web", "image": "nginx"}], **spec})


def container(**fields: Any) -> Document:
    made = defaulted("pods", spec={"containers": [{"name": "web", "image": "nginx", **fields}]})
    found: Document = made["spec"]["containers"][0]
    return found


TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]}}
DEFAULTED_TEMPLATE_SPEC = {
    "containers": [
        {
            "name": "web",
            "image": "nginx:1.27",
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
    ],
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}


def test_a_pod_gets_what_upstream_gives_it():
    assert pod()["spec"] == DEFAULTED_TEMPLATE_SPEC | {
        "containers": [DEFAULTED_TEMPLATE_SPEC["containers"][0] | {"image": "nginx", "imagePullPolicy": "Always"}],  # type: ignore[index]
        "enableServiceLinks": True,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
        ("nginx:latest@sha256:" + "0" * 64, "Always"),
    ],
)
def test_the_pull_policy_follows_the_tag(image, policy):
    assert container(image=image)["imagePullPolicy"] == policy


def test_requests_are_the_limits_where_not_given():
    limits = {"cpu": "1", "memory": "64Mi"}
    assert container(resources={"limits": limits, "requests": {"cpu": "100m"}})["resources"] == {
        "limits": limits,
        "requests": {"cpu": "100m", "memory": "64Mi"},
    }


def test_quantities_become_canonical():
    resources = container(resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}})["resources"]
    assert resources["limits"] == {"cpu": "500m", "memory": "1Gi"}


def test_probes_get_their_numbers_and_the_scheme():
    assert container(livenessProbe={"httpGet": {"port": 80}})["livenessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert container(readinessProbe={"grpc": {"port": 80}})["readinessProbe"]["grpc"] == {"port": 80, "service": ""}


def test_hooks_get_path_and_scheme():
    hook = container(lifecycle={"preStop": {"httpGet": {"port": 80}}})["lifecycle"]["preStop"]
    assert hook == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}}


def test_ports_are_of_the_host_in_the_network_of_the_host():
    spec = pod(hostNetwork=True, containers=[{"name": "a", "image": "b", "ports": [{"containerPort": 80}]}])["spec"]
    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]


def test_the_old_name_of_the_service_account_is_kept_in_step():
    assert pod(serviceAccount="builder")["spec"]["serviceAccountName"] == "builder"
    assert pod(serviceAccountName="builder")["spec"]["serviceAccount"] == "builder"


def test_volumes_get_their_modes_and_empty_directories():
    volumes = pod(
        volumes=[
            {"name": "a"},
            {"name": "b", "secret": {"secretName": "s"}},
            {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {"name": "d", "hostPath": {"path": "/"}},
        ]
    )["spec"]["volumes"]
    assert volumes[0] == {"name": "a", "emptyDir": {}}
    assert volumes[1]["secret"] == {"secretName": "s", "defaultMode": 0o644}
    assert volumes[2]["projected"] == {
        "defaultMode": 0o644,
        "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
    }
    assert volumes[3]["hostPath"] == {"path": "/", "type": ""}


def test_what_is_given_is_kept():
    spec = pod(restartPolicy="Never", dnsPolicy="Default", terminationGracePeriodSeconds=0, enableServiceLinks=False)
    assert spec["spec"] | {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0} == spec["spec"]
    assert spec["spec"]["enableServiceLinks"] is False


def test_a_deployment_gets_its_strategy_and_numbers_and_its_template():
    spec = defaulted("deployments.apps", spec={"template": TEMPLATE, "selector": {"matchLabels": {"app": "x"}}})["spec"]
    assert spec == {
        "progressDeadlineSeconds": 600,
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "x"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": DEFAULTED_TEMPLATE_SPEC},
    }


def test_a_deployment_that_recreates_has_no_rolling_update():
    spec = defaulted("deployments.apps", spec={"strategy": {"type": "Recreate"}, "replicas": 0})["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["replicas"] == 0


def test_a_service_gets_ports_policies_and_no_affinity():
    spec = defaulted("services", spec={"ports": [{"port": 80}]})["spec"]
    assert spec == {
        "internalTrafficPolicy": "Cluster",
        "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }


def test_a_load_balancer_opens_node_ports_for_the_whole_cluster():
    spec = defaulted("services", spec={"type": "LoadBalancer", "ports": [{"port": 80}]})["spec"]
    assert spec["externalTrafficPolicy"] == "Cluster"
    assert spec["allocateLoadBalancerNodePorts"] is True


def test_affinity_to_clients_lasts_three_hours():
    spec = defaulted("services", spec={"sessionAffinity": "ClientIP", "ports": [{"port": 80}]})["spec"]
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


def test_a_secret_is_opaque_and_takes_its_strings_in_as_data():
    secret = created(named("secrets"), {"metadata": {"name": "x"}, "stringData": {"a": "b"}, "data": {"a": "Yw=="}})
    assert (secret["type"], secret["data"]) == ("Opaque", {"a": "Yg=="})
    assert "stringData" not in secret


def test_a_namespace_is_labelled_with_its_name():
    assert defaulted("namespaces")["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}


def test_a_claim_asks_for_a_file_system():
    claim = defaulted("persistentvolumeclaims", spec={"resources": {"requests": {"storage": "1024Mi"}}})
    assert claim["spec"] == {"resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"}
    assert claim["status"] == {"phase": "Pending"}


def test_a_stateful_set_gets_its_policies():
    spec = defaulted("statefulsets.apps", spec={"template": TEMPLATE})["spec"]
    assert {key: spec[key] for key in spec if key != "template"} == {
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "podManagementPolicy": "OrderedReady",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    }


def test_a_daemon_set_replaces_one_pod_at_a_time():
    spec = defaulted("daemonsets.apps", spec={})["spec"]
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


@pytest.mark.parametrize(
    ("given", "completions", "parallelism"),
    [({}, 1, 1), ({"parallelism": 3}, None, 3), ({"completions": 3}, 3, 1)],
)
def test_a_job_runs_once_unless_it_is_a_work_queue(given, completions, parallelism):
    spec = defaulted("jobs.batch", spec={"template": TEMPLATE, **given})["spec"]
    assert (spec.get("completions"), spec["parallelism"]) == (completions, parallelism)
    assert (spec["backoffLimit"], spec["completionMode"], spec["suspend"]) == (6, "NonIndexed", False)


def test_a_job_with_backoff_per_index_fails_only_by_it():
    given = {"completions": 3, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
    assert defaulted("jobs.batch", spec=given)["spec"]["backoffLimit"] == 2**31 - 1


def test_a_cron_job_keeps_three_jobs_and_one_failure():
    spec = defaulted("cronjobs.batch", spec={"schedule": "* * * * *"})["spec"]
    assert (spec["concurrencyPolicy"], spec["suspend"]) == ("Allow", False)
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 1)


def test_an_autoscaler_looks_at_the_processors():
    spec = defaulted("horizontalpodautoscalers.autoscaling", spec={"maxReplicas": 3})["spec"]
    target = {"type": "Utilization", "averageUtilization": 80}
    assert spec["minReplicas"] == 1
    assert spec["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def test_the_behavior_of_an_autoscaler_is_filled_in_where_some_is_given():
    spec = defaulted("horizontalpodautoscalers.autoscaling", spec={"maxReplicas": 3, "behavior": {"scaleDown": {}}})
    assert spec["spec"]["behavior"] == {
        "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ],
        },
    }


@pytest.mark.parametrize(
    ("spec", "types"),
    [({}, ["Ingress"]), ({"egress": [{}]}, ["Ingress", "Egress"]), ({"policyTypes": ["Egress"]}, ["Egress"])],
)
def test_a_network_policy_is_about_what_it_has_rules_for(spec, types):
    assert defaulted("networkpolicies.networking.k8s.io", spec=spec)["spec"]["policyTypes"] == types


def test_subjects_and_roles_get_their_groups():
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "User", "name": "a"}, {"kind": "ServiceAccount", "name": "b", "namespace": "c"}]
    obj = defaulted(f"rolebindings.{group}", subjects=subjects, roleRef={"kind": "Role", "name": "r"})
    assert obj["roleRef"]["apiGroup"] == group
    assert [s.get("apiGroup", "") for s in obj["subjects"]] == [group, ""]


def test_a_storage_class_deletes_at_once():
    obj = defaulted("storageclasses.storage.k8s.io", provisioner="p")
    assert (obj["reclaimPolicy"], obj["volumeBindingMode"]) == ("Delete", "Immediate")


def test_a_limit_is_the_maximum_and_a_request_the_limit():
    limits = [{"type": "Container", "max": {"cpu": "2"}}]
    assert defaulted("limitranges", spec={"limits": limits})["spec"]["limits"] == [
        {"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}}
    ]


def test_a_definition_names_its_singular_and_list():
    names = {"kind": "Widget", "plural": "widgets"}
    spec = defaulted("customresourcedefinitions.apiextensions.k8s.io", spec={"names": names})["spec"]
    assert spec["names"] == {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    assert spec["conversion"] == {"strategy": "None"}


def test_webhooks_fail_closed_within_ten_seconds():
    hook = created(named("validatingwebhookconfigurations.admissionregistration.k8s.io"))["webhooks"][0]
    assert (hook["failurePolicy"], hook["matchPolicy"], hook["timeoutSeconds"]) == ("Fail", "Equivalent", 10)
    assert (hook["namespaceSelector"], hook["objectSelector"]) == ({}, {})
    assert hook["clientConfig"]["service"]["port"] == 443

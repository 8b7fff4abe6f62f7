"""Pods, and the templates that every workload makes pods from."""

from __future__ import annotations

from apimachinery.defaults.containers import container
from apimachinery.defaults.fields import Document, child, empty, items, resource_list, unset
from apimachinery.defaults.pod_resources import pod_level_resources, requests_from_limits
from apimachinery.defaults.volumes import volume

GRACE_SECONDS = 30


def pod(obj: Document) -> None:
    spec = child(obj, "spec")
    pod_spec(spec)
    for each in (*items(spec, "containers"), *items(spec, "initContainers")):
        requests_from_limits(each["resources"])
    if spec.get("resources"):
        pod_level_resources(spec)
    unset(spec, "enableServiceLinks", True)
    if spec.get("hostNetwork"):
        _host_ports(spec)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    _addresses(child(obj, "status"))


def template(obj: Document) -> None:
    """A PodTemplateSpec: less is filled in than for a pod, so that a template does not change with the release."""
    child(obj, "metadata")
    pod_spec(child(obj, "spec"))


def pod_template(obj: Document) -> None:
    template(child(obj, "template"))


def pod_spec(spec: Document) -> None:
    empty(spec, "dnsPolicy", "ClusterFirst")
    empty(spec, "restartPolicy", "Always")
    unset(spec, "securityContext", {})
    unset(spec, "terminationGracePeriodSeconds", GRACE_SECONDS)
    empty(spec, "schedulerName", "default-scheduler")
    _service_account(spec)
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for each in items(spec, key):
            container(each)
    for each in items(spec, "volumes"):
        volume(each)
    resource_list(spec, "overhead")
    resource_list(spec.get("resources"), "limits", "requests")


def _service_account(spec: Document) -> None:
    """Two names of one field; the new one wins."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    elif "serviceAccount" in spec:
        del spec["serviceAccount"]


def _host_ports(spec: Document) -> None:
    for key in ("containers", "initContainers"):
        for each in items(spec, key):
            for port in items(each, "ports"):
                empty(port, "hostPort", port.get("containerPort"))


def _addresses(status: Document) -> None:
    """podIP is the first of podIPs and, where they differ, is believed."""
    single, listed = status.get("podIP"), status.get("podIPs")
    if single and (not listed or listed[0].get("ip") != single):
        status["podIPs"] = [{"ip": single}]
    elif listed and not single:
        status["podIP"] = listed[0].get("ip")

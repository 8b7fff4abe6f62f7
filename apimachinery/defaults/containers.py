"""Containers of pods and of pod templates."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, quantity, resource_list, unset

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def container(obj: Document) -> None:
    """One container, init container or ephemeral container."""
    empty(obj, "terminationMessagePath", "/dev/termination-log")
    empty(obj, "terminationMessagePolicy", "File")
    empty(obj, "imagePullPolicy", pull_policy(obj.get("image") or ""))
    resource_list(child(obj, "resources"), "limits", "requests")
    for port in items(obj, "ports"):
        empty(port, "protocol", "TCP")
    for name in _PROBES:
        if obj.get(name) is not None:
            _probe(obj[name])
    for hook in (obj.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _http_get(hook)
    for variable in items(obj, "env"):
        source = variable.get("valueFrom")
        if source is not None:
            _value_source(source)


def pull_policy(image: str) -> str:
    """Always for the tag latest, said or implied."""
    name, _, digest = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    tagged = tag if colon else ("" if digest else "latest")
    return "Always" if tagged == "latest" else "IfNotPresent"


def _probe(probe: Document) -> None:
    empty(probe, "timeoutSeconds", 1)
    empty(probe, "periodSeconds", 10)
    empty(probe, "successThreshold", 1)
    empty(probe, "failureThreshold", 3)
    _http_get(probe)
    if probe.get("grpc") is not None:
        unset(probe["grpc"], "service", "")


def _http_get(handler: Document) -> None:
    action = handler.get("httpGet")
    if action is not None:
        empty(action, "path", "/")
        empty(action, "scheme", "HTTP")


def _value_source(source: Document) -> None:
    if source.get("fieldRef") is not None:
        empty(source["fieldRef"], "apiVersion", "v1")
    if source.get("resourceFieldRef") is not None:
        resource_field(source["resourceFieldRef"])
    if source.get("fileKeyRef") is not None:
        unset(source["fileKeyRef"], "optional", False)


def resource_field(selector: Document) -> None:
    """A ResourceFieldSelector; upstream shows an unset divisor as "0"."""
    unset(selector, "divisor", "0")
    quantity(selector, "divisor")

"""Requests that follow from limits, of containers and of whole pods."""

from __future__ import annotations

from typing import Any

from apimachinery import quantities
from apimachinery.defaults.fields import Document, items

_HUGE_PAGES = "hugepages-"


def requests_from_limits(resources: Document) -> None:
    """What is limited and not requested is requested up to the limit."""
    limits = resources.get("limits")
    if limits is None:
        return
    requests = resources.get("requests") or {}
    for name, value in limits.items():
        requests.setdefault(name, value)
    if requests:
        resources["requests"] = requests


def pod_level_resources(spec: Document) -> None:
    """Limits (of huge pages) and requests of the pod, from those of its containers."""
    resources = spec["resources"]
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if not limits and not requests:
        return
    for name, value in aggregate(spec, "limits").items():
        if name.startswith(_HUGE_PAGES) and name not in requests:
            limits.setdefault(name, value)
    if limits:
        resources["limits"] = limits
        for name, value in aggregate(spec, "requests").items():
            if name in ("cpu", "memory"):
                requests.setdefault(name, value)
        for name, value in limits.items():
            if name in ("cpu", "memory") or name.startswith(_HUGE_PAGES):
                requests.setdefault(name, value)
    if requests:
        resources["requests"] = requests


def aggregate(spec: Document, kind: str) -> dict[str, str]:
    """What the containers need together at most: sidecars run beside each later init container and the rest."""
    running: dict[str, Any] = {}
    peak: dict[str, Any] = {}
    for each in items(spec, "initContainers"):
        wanted = _parsed(each, kind)
        if each.get("restartPolicy") == "Always":
            _add(running, wanted)
            wanted = dict(running)
        else:
            wanted = {name: value + running.get(name, 0) for name, value in wanted.items()}
        for name, value in wanted.items():
            peak[name] = max(peak.get(name, value), value)
    for each in items(spec, "containers"):
        _add(running, _parsed(each, kind))
    total = {name: max(running.get(name, 0), peak.get(name, 0)) for name in (*peak, *running)}
    formats = {name: text for each in _all(spec) for name, text in _listed(each, kind)}
    return {name: quantities.format_(value, style_of=formats[name]) for name, value in total.items()}


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _parsed(container: Document, kind: str) -> dict[str, Any]:
    return {name: quantities.parse(text) for name, text in _listed(container, kind)}


def _all(spec: Document) -> list[Document]:
    return [*items(spec, "initContainers"), *items(spec, "containers")]


def _listed(container: Document, kind: str) -> list[tuple[str, str]]:
    return list(((container.get("resources") or {}).get(kind) or {}).items())

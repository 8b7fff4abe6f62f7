"""What another server tells of a group version, as an entry of aggregated discovery. Pure.

Source: ConvertGroupVersionIntoToDiscovery of k8s.io/apiserver/pkg/endpoints/installer.go.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_COPIED = (("shortNames", "shortNames"), ("categories", "categories"))


def resources_of(answer: Any) -> list[Document]:
    """The resources of an APIResourceList. Raises ValueError where it is none."""
    if not isinstance(answer, dict) or answer.get("kind") != "APIResourceList":
        raise ValueError("the answer is no APIResourceList")
    listed = [each for each in answer.get("resources") or () if isinstance(each, dict) and each.get("name")]
    found = {each["name"]: _resource(each) for each in listed if "/" not in each["name"]}
    for each in listed:
        name, slash, subresource = each["name"].partition("/")
        if slash:
            parent = found.setdefault(name, {"resource": name, "responseKind": _kind({}), "scope": _scope(each)})
            parent.setdefault("subresources", []).append(_subresource(subresource, each))
    return list(found.values())


def entry(version: str, resources: list[Document], *, fresh: bool) -> Document:
    """An APIVersionDiscovery. Stale says that the server could not be asked."""
    return {"version": version, "resources": resources, "freshness": "Current" if fresh else "Stale"}


def _resource(each: Document) -> Document:
    made: Document = {
        "resource": each["name"],
        "responseKind": _kind(each),
        "scope": _scope(each),
        "singularResource": each.get("singularName") or "",
        "verbs": each.get("verbs") or [],
    }
    made |= {theirs: each[ours] for ours, theirs in _COPIED if each.get(ours)}
    return made


def _subresource(name: str, each: Document) -> Document:
    return {"subresource": name, "responseKind": _kind(each), "verbs": each.get("verbs") or []}


def _scope(each: Document) -> str:
    return "Namespaced" if each.get("namespaced") else "Cluster"


def _kind(each: Document) -> Document:
    """Group and version are empty where they are the list's own."""
    return {name: each.get(name) or "" for name in ("group", "version", "kind")}

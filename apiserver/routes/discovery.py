"""What is served, told to clients: the legacy documents a group version each, and all of it in one (aggregated)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import orjson

from apimachinery.kinds.kind import Document, Kind, Subresource
from apiserver.aggregator.catalog import Catalog, Groups, Served
from apiserver.routes.negotiation import JSON, clauses
from apiserver.routes.request import Answer, Request
from apiserver.routes.responses import UnknownPath, document

AGGREGATED_GROUP = "apidiscovery.k8s.io"
_VERSIONS = ("v2", "v2beta1")


class _Body(NamedTuple):
    data: bytes
    etag: bytes


class Discovery:
    """Bodies are made once for a generation of the catalog."""

    def __init__(self, catalog: Catalog, server_address: str) -> None:
        self._catalog = catalog
        self._addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]
        self._generation = (-1, -1)
        self._made: dict[tuple[str, str], _Body] = {}

    async def core(self, request: Request) -> Answer:
        """GET /api"""
        version = aggregated_version(request)
        if version:
            return self._aggregated(request, "core", version)
        body = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": self._addresses}
        return document(request, body)

    async def groups(self, request: Request) -> Answer:
        """GET /apis"""
        version = aggregated_version(request)
        if version:
            return self._aggregated(request, "groups", version)
        listed = [group(name, versions) for name, versions in self._catalog.groups().items() if name]
        return document(request, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})

    async def group(self, request: Request) -> Answer:
        """GET /apis/GROUP"""
        name = request.scope["path"].strip("/").split("/")[1]
        versions = self._catalog.groups().get(name)
        if not versions:
            raise UnknownPath
        return document(request, {"kind": "APIGroup", "apiVersion": "v1", **group(name, versions)})

    async def resources(self, request: Request) -> Answer:
        """GET /api/v1, GET /apis/GROUP/VERSION"""
        parts = request.scope["path"].strip("/").split("/")
        name, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
        kinds = self._catalog.groups().get(name, {}).get(version)
        if not isinstance(kinds, list):
            # What another server answers has been passed on to it.
            raise UnknownPath
        return document(request, resource_list(kinds))

    def _aggregated(self, request: Request, which: str, version: str) -> Answer:
        if self._generation != self._catalog.generation:
            self._generation = self._catalog.generation
            self._made.clear()
        body = self._made.get((which, version))
        if body is None:
            groups = self._catalog.groups()
            chosen = {n: v for n, v in groups.items() if bool(n) == (which == "groups")}
            data = orjson.dumps(aggregated(chosen, version))
            etag = b'"%b"' % hashlib.sha512(data).hexdigest().upper().encode()
            body = self._made[which, version] = _Body(data, etag)
        headers = ((b"etag", body.etag), (b"vary", b"Accept"))
        media = f"{JSON};g={AGGREGATED_GROUP};v={version};as=APIGroupDiscoveryList".encode()
        if body.etag in [e.strip() for e in request.header(b"if-none-match").split(b",")]:
            return Answer(b"", 304, media, headers)
        return Answer(body.data, 200, media, headers)


def aggregated_version(request: Request) -> str:
    """The version of aggregated discovery that the client prefers to the legacy documents; "" for none."""
    for name, parameters in clauses(request.header(b"accept").decode("latin-1")):
        if name not in (JSON, "application/*", "*/*"):
            continue
        if not parameters.keys() & {"as", "g", "v"}:
            return ""
        wanted = parameters.get("v", "")
        if (
            parameters.get("g") == AGGREGATED_GROUP
            and wanted in _VERSIONS
            and parameters.get("as") == "APIGroupDiscoveryList"
        ):
            return wanted
    return ""


def group(name: str, versions: Mapping[str, Served]) -> Document:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(kinds: list[Kind]) -> Document:
    """APIResourceList of one group version."""
    resources: list[Document] = []
    for kind in sorted(kinds, key=lambda k: k.plural):
        resources.append(_resource(kind))
        resources += [_subresource(kind, s) for s in sorted(kind.subresources, key=lambda s: s.name)]
    first = kinds[0]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": first.api_version,
        "resources": resources,
    }


def _resource(kind: Kind) -> Document:
    found: Document = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": verbs_of(kind),
    }
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if "list" in kind.verbs:
        found["storageVersionHash"] = storage_version_hash(kind)
    return found


def _subresource(kind: Kind, subresource: Subresource) -> Document:
    found: Document = {
        "name": f"{kind.plural}/{subresource.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": subresource.kind or kind.kind,
        "verbs": sorted(subresource.verbs),
    }
    if subresource.version:
        found["group"], found["version"] = subresource.group, subresource.version
    return found


_NOT_WHILE_TERMINATING = frozenset({"create", "patch", "update"})


def verbs_of(kind: Kind) -> list[str]:
    """What can be done with a kind; of one whose definition is going, less."""
    if kind.custom is not None and kind.custom.terminating:
        return sorted(set(kind.verbs) - _NOT_WHILE_TERMINATING)
    return sorted(kind.verbs)


def storage_version_hash(kind: Kind) -> str:
    group, _ = kind.storage if kind.storage != ("", "") else (kind.group, "")
    version = kind.custom.storage_version if kind.custom is not None else kind.version
    text = f"{group}/{version}/{kind.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def aggregated(groups: Groups, version: str) -> Document:
    """APIGroupDiscoveryList."""
    items = []
    for name, versions in groups.items():
        listed = [_entry(v, served) for v, served in versions.items()]
        metadata = {"name": name} if name else {}
        items.append({"metadata": {**metadata, "creationTimestamp": None}, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"{AGGREGATED_GROUP}/{version}",
        "metadata": {},
        "items": items,
    }


def _entry(version: str, served: Served) -> Document:
    """APIVersionDiscovery. Another server's is as it told."""
    if isinstance(served, dict):
        return served
    resources = [_aggregated(kind) for kind in by_plural(served)]
    return {"version": version, "resources": resources, "freshness": "Current"}


def by_plural(kinds: list[Kind]) -> list[Kind]:
    return sorted(kinds, key=lambda k: k.plural)


def _aggregated(kind: Kind) -> Document:
    found: Document = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": verbs_of(kind),
    }
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if kind.subresources:
        found["subresources"] = [
            {
                "subresource": s.name,
                "responseKind": {
                    "group": s.group if s.version else kind.group,
                    "version": s.version or kind.version,
                    "kind": s.kind or kind.kind,
                },
                "verbs": sorted(s.verbs),
            }
            for s in sorted(kind.subresources, key=lambda s: s.name)
        ]
    return found

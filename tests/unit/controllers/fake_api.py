"""An API server in memory, behind the verbs of apiclient.Client that the executor and the effects use.

As much of the real one as controllers can tell: revisions, conflicts, generations, subresources, finalizers, graceful
deletion of pods, deletion policies. Objects are not validated or defaulted.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apimachinery import schemas
from apimachinery.errors import AlreadyExists, Conflict, NotFound
from apimachinery.kinds import named
from apimachinery.kinds.kind import Kind
from apimachinery.patches import merge, strategic
from apimachinery.timestamps import rfc3339

Document = dict[str, Any]

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeApi:
    """``log`` holds every event, as ``(resource, type, object)``. ``refuse`` maps (verb, resource) to an error."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Document] = {}
        self.log: list[tuple[str, str, Document]] = []
        self.writes: list[tuple[str, str, str]] = []
        self.refuse: dict[tuple[str, str], Exception] = {}
        self.documents: dict[str, Document | Exception] = {}
        """What other servers answer, by path."""
        self.now = START
        self._versions = itertools.count(1)
        self._suffixes = (f"{n:05}" for n in itertools.count(1))
        self._uids = (f"uid-{n}" for n in itertools.count(1))
        self.before_delete: Callable[[str, Document], None] | None = None

    # What tests use.

    def add(self, resource: str, obj: Document) -> Document:
        """Create, as a person would."""
        return self._create(named(resource), copy.deepcopy(obj))

    def find(self, resource: str, name: str, namespace: str = "default") -> Document:
        kind = named(resource)
        return self.objects[resource, namespace if kind.namespaced else "", name]

    def all(self, resource: str) -> list[Document]:
        return [obj for (found, _, _), obj in sorted(self.objects.items()) if found == resource]

    def change(self, resource: str, obj: Document, **sections: Any) -> Document:
        """Replace top-level sections (spec=..., status=...) or merge into metadata."""
        fresh = copy.deepcopy(self.find(resource, obj["metadata"]["name"], obj["metadata"].get("namespace", "default")))
        for name, value in sections.items():
            fresh[name] = {**fresh[name], **value} if name == "metadata" else value
        return self._store(named(resource), fresh, bump="spec" in sections)

    def remove(self, resource: str, obj: Document, propagation: str = "") -> None:
        meta = obj["metadata"]
        self._delete(named(resource), meta.get("namespace", ""), meta["name"], propagation=propagation)

    def vanish(self, resource: str, obj: Document) -> None:
        """The end of a graceful deletion."""
        self._gone(
            named(resource), self.find(resource, obj["metadata"]["name"], obj["metadata"].get("namespace", "default"))
        )

    # What apiclient.Client has.

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        return copy.deepcopy(self._known(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str = "", **_: Any) -> Document:
        items = [
            copy.deepcopy(obj)
            for (resource, ns, _), obj in self.objects.items()
            if resource == kind.resource and namespace in ("", ns)
        ]
        return {"metadata": {"resourceVersion": str(self._last())}, "items": items}

    async def document(self, method: str, path: str, *, timeout_seconds: float) -> Document:
        found = self.documents[path]
        if isinstance(found, Exception):
            raise found
        return copy.deepcopy(found)

    async def create(
        self, kind: Kind, namespace: str, obj: Document, *, subresource: str = "", name: str = ""
    ) -> Document:
        self._note("create", kind, name or obj["metadata"].get("name", ""), subresource)
        if subresource == "binding":
            pod = copy.deepcopy(self._known(kind, namespace, name))
            pod["spec"]["nodeName"] = obj["target"]["name"]
            self._store(kind, pod)
            return {"kind": "Status", "status": "Success"}
        return self._create(kind, copy.deepcopy(obj))

    async def update(self, kind: Kind, obj: Document, *, subresource: str = "") -> Document:
        meta = obj["metadata"]
        self._note("update", kind, meta["name"], subresource)
        old = self._known(kind, meta.get("namespace", ""), meta["name"])
        if meta.get("resourceVersion") not in (None, "", old["metadata"]["resourceVersion"]):
            raise Conflict.modified(kind.plural, meta["name"], group=kind.group)
        new = copy.deepcopy(obj)
        if subresource == "status":
            new = {**copy.deepcopy(old), "status": new.get("status"), "metadata": new["metadata"]}
        elif kind.has_status and "status" in old:
            new["status"] = copy.deepcopy(old["status"])
        return self._store(kind, new, bump=not subresource and _body(old) != _body(new))

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Any,
        *,
        kind_of_patch: str = "merge",
        subresource: str = "",
        **_: Any,
    ) -> Document:
        self._note("patch", kind, name, subresource)
        old = self._known(kind, namespace, name)
        asked = (body.get("metadata") or {}).get("uid")
        version = (body.get("metadata") or {}).get("resourceVersion")
        if asked not in (None, old["metadata"]["uid"]):
            raise Conflict.of(kind.plural, name, "the uid is another", group=kind.group)
        if version not in (None, old["metadata"]["resourceVersion"]):
            raise Conflict.modified(kind.plural, name, group=kind.group)
        if kind_of_patch == "strategic":
            new = strategic.apply(copy.deepcopy(old), body, schemas.schema(kind.schema))
        else:
            new = merge.apply(copy.deepcopy(old), body)
        return self._store(kind, new, bump=not subresource and _body(old) != _body(new))

    async def delete(self, kind: Kind, namespace: str, name: str, **options: Any) -> Document:
        self._note("delete", kind, name, "")
        old = self._known(kind, namespace, name)
        if options.get("uid") not in (None, "", old["metadata"]["uid"]):
            raise Conflict.of(kind.plural, name, "the uid is another", group=kind.group)
        if options.get("resource_version") not in (None, "", old["metadata"]["resourceVersion"]):
            raise Conflict.modified(kind.plural, name, group=kind.group)
        return self._delete(kind, namespace, name, propagation=options.get("propagation", ""))

    async def request(self, method: str, path: str, **_: Any) -> tuple[int, bytes]:
        """Only deletecollection."""
        assert method == "DELETE"
        namespace, plural = path.split("/namespaces/")[1].split("/")
        for (resource, ns, name), _obj in list(self.objects.items()):
            if ns == namespace and resource.split(".")[0] == plural:
                self._delete(named(resource), ns, name, propagation="Background")
        return 200, json.dumps({"kind": "Status"}).encode()

    # Inside.

    def _note(self, verb: str, kind: Kind, name: str, subresource: str) -> None:
        self.writes.append((verb, kind.resource + (f"/{subresource}" if subresource else ""), name))
        if error := self.refuse.get((verb, kind.resource)):
            raise error

    def _known(self, kind: Kind, namespace: str, name: str) -> Document:
        found = self.objects.get((kind.resource, namespace if kind.namespaced else "", name))
        if found is None:
            raise NotFound.of(kind.plural, name, group=kind.group)
        return found

    def _create(self, kind: Kind, obj: Document) -> Document:
        meta = obj["metadata"]
        if "name" not in meta:
            meta["name"] = meta["generateName"] + next(self._suffixes)
        namespace = meta.setdefault("namespace", "default") if kind.namespaced else ""
        if (kind.resource, namespace, meta["name"]) in self.objects:
            raise AlreadyExists.of(kind.plural, meta["name"], group=kind.group)
        meta["uid"] = next(self._uids)
        meta.setdefault("creationTimestamp", rfc3339(self.now))
        meta["generation"] = 1
        obj.setdefault("apiVersion", kind.api_version)
        obj.setdefault("kind", kind.kind)
        meta["resourceVersion"] = str(next(self._versions))
        self.objects[kind.resource, namespace, meta["name"]] = obj
        self.log.append((kind.resource, "ADDED", copy.deepcopy(obj)))
        return copy.deepcopy(obj)

    def _store(self, kind: Kind, obj: Document, *, bump: bool = False) -> Document:
        meta = obj["metadata"]
        old = self._known(kind, meta.get("namespace", ""), meta["name"])
        if bump:
            meta["generation"] = old["metadata"].get("generation", 0) + 1
        if {**obj, "metadata": {**meta, "resourceVersion": ""}} == {
            **old,
            "metadata": {**old["metadata"], "resourceVersion": ""},
        }:
            return copy.deepcopy(old)
        if meta.get("deletionTimestamp") and not self._holds(kind, obj):
            self._gone(kind, obj)
            return copy.deepcopy(obj)
        meta["resourceVersion"] = str(next(self._versions))
        self.objects[kind.resource, meta.get("namespace", ""), meta["name"]] = obj
        self.log.append((kind.resource, "MODIFIED", copy.deepcopy(obj)))
        return copy.deepcopy(obj)

    def _holds(self, kind: Kind, obj: Document) -> bool:
        if kind.resource == "namespaces" and obj["spec"].get("finalizers"):
            return True
        graceful = kind.resource == "pods" and (obj.get("status") or {}).get("phase") == "Running"
        return bool(obj["metadata"].get("finalizers")) or graceful

    def _delete(self, kind: Kind, namespace: str, name: str, *, propagation: str) -> Document:
        old = self._known(kind, namespace, name)
        obj = copy.deepcopy(old)
        finalizer = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation)
        if finalizer and finalizer not in obj["metadata"].get("finalizers", ()):
            obj["metadata"]["finalizers"] = [*obj["metadata"].get("finalizers", ()), finalizer]
        if not self._holds(kind, obj):
            self._gone(kind, old)
            return {"kind": "Status", "status": "Success", "details": {"uid": old["metadata"]["uid"]}}
        if "deletionTimestamp" not in obj["metadata"]:
            obj["metadata"]["deletionTimestamp"] = rfc3339(self.now)
        return self._store(kind, obj)

    def _gone(self, kind: Kind, obj: Document) -> None:
        meta = obj["metadata"]
        self.objects.pop((kind.resource, meta.get("namespace", "") if kind.namespaced else "", meta["name"]), None)
        last = copy.deepcopy(obj)
        last["metadata"]["resourceVersion"] = str(next(self._versions))
        self.log.append((kind.resource, "DELETED", last))

    def _last(self) -> int:
        return max((int(o["metadata"]["resourceVersion"]) for _, _, o in self.log), default=0)


def _body(obj: Document) -> Document:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status")}

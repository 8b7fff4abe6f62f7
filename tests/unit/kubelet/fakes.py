"""An API server in memory, as far as the kubelet uses one; and documents to test with."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator
from typing import Any

from apimachinery.errors import AlreadyExists, Conflict, NotFound
from kubelet.settings import Settings

Document = dict[str, Any]
NODE = "node-1"


def settings(root: Any, **changes: Any) -> Settings:
    return Settings(
        **{
            "node_name": NODE,
            "kubeconfig": "",
            "root_dir": str(root),
            "images_dir": f"{root}/images",
            "run_dir": f"{root}/run",
            "runtime": "simulated",
            "node_ip": "192.168.0.1",
            "node_namespace": None,
            "listen": (("127.0.0.1", 10250),),
            "tls_cert": "",
            "tls_key": "",
            "client_ca": "",
            "pod_cidr": "10.244.0.0/24",
            "cluster_cidr": "10.244.0.0/16",
            "service_cidr": "10.96.0.0/16",
            "cluster_dns": "10.96.0.10",
            "cluster_domain": "cluster.local",
            "cgroup_root": "knarr-test",
            "link_prefix": "kntest",
            "nft_table": "knarr-test",
            "node_port_addresses": (),
            "max_pods": 110,
            "upstream_dns": (),
            "apiserver_port": 6443,
            **changes,
        }
    )


def container(name: str = "app", **fields: Any) -> Document:
    return {"name": name, "image": "busybox:1", "imagePullPolicy": "IfNotPresent", **fields}


def pod(
    name: str = "web", *, containers: list[Document] | None = None, metadata: Document | None = None, **spec: Any
) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "generation": 1,
            **(metadata or {}),
        },
        "spec": {
            "nodeName": NODE,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "enableServiceLinks": True,
            "serviceAccountName": "default",
            "containers": containers if containers is not None else [container()],
            **spec,
        },
        "status": {"phase": "Pending"},
    }


class FakeClient:
    """Implements apiclient.client.Client's verbs. ``log`` lists what was asked: (verb, resource, name)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Document] = {}
        self.log: list[tuple[str, str, str]] = []
        self._revision = itertools.count(1)
        self._watchers: list[tuple[str, str, str, asyncio.Queue[tuple[str, Document]]]] = []
        self._history: list[tuple[int, str, str, Document]] = []

    def put(self, resource: str, obj: Document) -> Document:
        """As another client's write."""
        meta = obj["metadata"]
        key = (resource, meta.get("namespace", ""), meta["name"])
        return self._store(key, obj, "MODIFIED" if key in self.objects else "ADDED")

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Gone at once, by force."""
        obj = self.objects.pop((resource, namespace, name))
        self._publish(resource, "DELETED", obj)

    def object(self, resource: str, name: str, namespace: str = "default") -> Document:
        return self.objects[resource, namespace, name]

    def events(self, reason: str = "") -> list[str]:
        found = (o for (r, _, _), o in self.objects.items() if r == "events")
        return [o["message"] for o in found if not reason or o["reason"] == reason]

    async def get(self, kind: Any, namespace: str, name: str) -> Document:
        self.log.append(("get", kind.resource, name))
        try:
            return copy.deepcopy(self.objects[kind.resource, namespace, name])
        except KeyError:
            raise NotFound.of(kind.resource, name) from None

    async def list(self, kind: Any, namespace: str = "", *, metadata_only: bool = False, **query: Any) -> Document:
        self.log.append(("list", kind.resource, query.get("field_selector", "")))
        selector = query.get("field_selector", "")
        items = [
            copy.deepcopy(o)
            for (r, n, _), o in self.objects.items()
            if r == kind.resource and namespace in ("", n) and _selected(o, selector)
        ]
        return {"items": items, "metadata": {"resourceVersion": str(next(self._revision))}}

    async def create(
        self, kind: Any, namespace: str, obj: Document, *, subresource: str = "", name: str = ""
    ) -> Document:
        self.log.append(("create", kind.resource + (f"/{subresource}" if subresource else ""), name))
        if subresource == "token":
            return {"status": {"token": f"token-of-{name}", "expirationTimestamp": "2099-01-01T00:00:00Z"}}
        key = (kind.resource, namespace, obj["metadata"]["name"])
        if key in self.objects:
            raise AlreadyExists.of(kind.resource, key[2])
        made = copy.deepcopy(obj)
        made["metadata"].setdefault("uid", f"uid-{key[2]}")
        if namespace:
            made["metadata"]["namespace"] = namespace
        return copy.deepcopy(self._store(key, made, "ADDED"))

    async def update(self, kind: Any, obj: Document, *, subresource: str = "") -> Document:
        meta = obj["metadata"]
        self.log.append(("update", kind.resource, meta["name"]))
        key = (kind.resource, meta.get("namespace", ""), meta["name"])
        if key not in self.objects:
            raise NotFound.of(kind.resource, meta["name"])
        return copy.deepcopy(self._store(key, copy.deepcopy(obj), "MODIFIED"))

    async def patch(self, kind: Any, namespace: str, name: str, body: Any, **options: Any) -> Document:
        sub = options.get("subresource", "")
        self.log.append(("patch", kind.resource + (f"/{sub}" if sub else ""), name))
        key = (kind.resource, namespace, name)
        if key not in self.objects:
            raise NotFound.of(kind.resource, name)
        uid = body.get("metadata", {}).get("uid")
        if uid and self.objects[key]["metadata"]["uid"] != uid:
            raise Conflict.of(kind.resource, name, "uid mismatch")
        merged = _merge(self.objects[key], body)
        return copy.deepcopy(self._store(key, merged, "MODIFIED"))

    async def delete(
        self, kind: Any, namespace: str, name: str, *, uid: str = "", grace_seconds: int | None = None, **_: Any
    ) -> Document:
        self.log.append(("delete", kind.resource, name))
        key = (kind.resource, namespace, name)
        if key not in self.objects:
            raise NotFound.of(kind.resource, name)
        if uid and self.objects[key]["metadata"]["uid"] != uid:
            raise Conflict.of(kind.resource, name, "uid mismatch")
        self.remove(*key)
        return {}

    async def watch(
        self, kind: Any, namespace: str = "", *, resource_version: str, field_selector: str = "", **_: Any
    ) -> AsyncIterator[tuple[str, Document]]:
        queue: asyncio.Queue[tuple[str, Document]] = asyncio.Queue()
        for revision, resource, type_, obj in self._history:
            if revision > int(resource_version) and resource == kind.resource:
                queue.put_nowait((type_, obj))
        entry = (kind.resource, namespace, field_selector, queue)
        self._watchers.append(entry)
        try:
            while True:
                type_, obj = await queue.get()
                if namespace in ("", obj["metadata"].get("namespace", "")) and _selected(obj, field_selector):
                    yield type_, copy.deepcopy(obj)
        finally:
            self._watchers.remove(entry)

    async def close(self) -> None:
        return

    def _store(self, key: tuple[str, str, str], obj: Document, type_: str) -> Document:
        revision = next(self._revision)
        obj["metadata"]["resourceVersion"] = str(revision)
        self.objects[key] = obj
        self._publish(key[0], type_, obj)
        return obj

    def _publish(self, resource: str, type_: str, obj: Document) -> None:
        revision = next(self._revision)
        obj = copy.deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(revision)
        self._history.append((revision, resource, type_, obj))
        for watched, _, _, queue in self._watchers:
            if watched == resource:
                queue.put_nowait((type_, obj))


def _selected(obj: Document, selector: str) -> bool:
    path, _, value = selector.partition("=")
    if path == "metadata.name":
        return obj["metadata"]["name"] == value
    if path == "spec.nodeName":
        return obj["spec"].get("nodeName") == value
    return True


def _merge(old: Any, new: Document) -> Document:
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merge(merged.get(key), value)
        elif key == "conditions":
            known = {c["type"]: c for c in merged.get(key) or ()}
            for condition in value:
                if condition.get("$patch") == "delete":
                    known.pop(condition["type"], None)
                    continue
                known[condition["type"]] = _merge(known.get(condition["type"]), condition)
            merged[key] = list(known.values())
        elif isinstance(value, list):
            merged[key] = [v for v in value if not (isinstance(v, dict) and "$patch" in v)]
        else:
            merged[key] = value
    return merged

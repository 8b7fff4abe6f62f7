"""Asking the API server about those who ask the kubelet."""

from __future__ import annotations

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery import kinds
from apimachinery.errors import StatusError
from kubelet.pods.documents import Document
from kubelet.server.access import Unavailable, User


class Reviews:
    def __init__(self, client: Client, node_name: str) -> None:
        self._client = client
        self._node_name = node_name

    async def authenticate(self, token: str) -> User | None:
        review = await self._create("tokenreviews.authentication.k8s.io", {"token": token})
        status = review.get("status") or {}
        user = status.get("user") or {}
        if not status.get("authenticated") or not user.get("username"):
            return None
        return User(user["username"], tuple(user.get("groups") or ()), user.get("uid") or "")

    async def authorize(self, user: User, verb: str, subresource: str) -> bool:
        attributes = {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource}
        spec: Document = {
            "user": user.name,
            "groups": list(user.groups),
            "resourceAttributes": {**attributes, "name": self._node_name},
        }
        if user.uid:
            spec["uid"] = user.uid
        review = await self._create("subjectaccessreviews.authorization.k8s.io", spec)
        return bool((review.get("status") or {}).get("allowed"))

    async def _create(self, resource: str, spec: Document) -> Document:
        kind = kinds.named(resource)
        document = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}, "spec": spec}
        try:
            return await self._client.create(kind, "", document)
        except (StatusError, Unreachable) as error:
            raise Unavailable(str(error)) from error

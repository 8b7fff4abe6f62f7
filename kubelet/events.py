"""Events: what the kubelet tells people about pods and its node."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from apiclient import events
from apiclient.client import Client
from kubelet.pods.documents import Document

log = logging.getLogger(__name__)

NORMAL, WARNING = "Normal", "Warning"
COMPONENT = "kubelet"


class Recorder:
    """``host`` is the node's name. Recording never waits; ``run`` writes."""

    def __init__(self, client: Client, host: str, now: Callable[[], datetime]) -> None:
        self._host = host
        self._recorder = events.Recorder(client, host=host, now=now)

    def pod(self, pod: Document, type_: str, reason: str, message: str, *, field_path: str = "") -> None:
        meta = pod["metadata"]
        about = {
            "kind": "Pod",
            "apiVersion": "v1",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta.get("resourceVersion", ""),
            "fieldPath": field_path,
        }
        self._record({k: v for k, v in about.items() if v}, type_, reason, message)

    def node(self, type_: str, reason: str, message: str) -> None:
        self._record({"kind": "Node", "name": self._host, "uid": self._host}, type_, reason, message)

    async def run(self) -> None:
        """Until cancelled."""
        await self._recorder.run()

    async def flush(self) -> None:
        await self._recorder.flush()

    def _record(self, about: Document, type_: str, reason: str, message: str) -> None:
        log.info("%s %s/%s: %s: %s", type_, about.get("namespace", ""), about["name"], reason, message)
        self._recorder.record(about, type_, reason, message, COMPONENT)

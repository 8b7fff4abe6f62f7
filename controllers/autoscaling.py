"""HorizontalPodAutoscalers where nobody serves metrics. Source: pkg/controller/podautoscaler/horizontal.go.

A target is kept between minReplicas and maxReplicas. Left out: what follows from metrics. No metrics API comes with
this cluster, and where somebody has added one, the condition ScalingActive says that it is not read.

What the target's scale is, and which metrics APIs there are, is found out by an effect (``look_at_scale``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Effect, Event, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]

AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
LOOKS = "scalelooks"
"""A pseudo-resource: the last look for an autoscaler of that name. ``uid``, ``target``, ``at`` (seconds since the
epoch), ``replicas`` and ``selector`` of the target's scale or the ``failure`` to read it, ``asked`` (the ``replicas``
that were set just before, and ``why``) or None, with its ``refusal``, and ``apis``, the groups of metrics served."""
PERIOD_SECONDS = 15.0
ABLE, ACTIVE = "AbleToScale", "ScalingActive"
RESOURCES, CUSTOM, EXTERNAL = "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"
_ABSENT = {
    RESOURCES: "unable to fetch metrics from resource metrics API: the server could not find the requested resource "
    "(get pods.metrics.k8s.io)",
    CUSTOM: "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
    EXTERNAL: "unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) "
    "registered",
}
_UNREAD = "the API {api} is served, but the autoscaler of this cluster does not read it"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    found = reader.get(AUTOSCALERS, *key)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return []
    look = reader.get(LOOKS, *key)
    if look is None or look["uid"] != found["metadata"]["uid"] or look["target"] != found["spec"]["scaleTargetRef"]:
        return [_effect(found)]
    rest = look["at"] + PERIOD_SECONDS - now.timestamp()
    if rest <= 0:
        return [_effect(found)]
    return [*_Pass(found, look, now).actions(), Requeue(rest)]


def _effect(found: Document, asked: Document | None = None) -> Effect:
    meta = found["metadata"]
    arguments = {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return Effect("look_at_scale", {**arguments, "target": found["spec"]["scaleTargetRef"], "asked": asked})


class _Pass:
    def __init__(self, found: Document, look: Document, now: datetime) -> None:
        self.found, self.look, self.now = found, look, now
        self.spec: Document = found["spec"]
        self.before: Document = found.get("status") or {}
        self.status = {**self.before, "conditions": list(self.before.get("conditions") or ())}
        self.status.setdefault("desiredReplicas", 0)
        self.events: list[Action] = []

    def actions(self) -> list[Action]:
        asked = self._out_of_bounds()
        if asked is not None:
            return [_effect(self.found, asked)]
        self._able()
        if not self.look["failure"]:
            self._active()
        if {k: v for k, v in self.status.items() if v} == {k: v for k, v in self.before.items() if v}:
            return self.events
        return [Update(AUTOSCALERS, {**self.found, "status": self.status}, subresource="status"), *self.events]

    def _out_of_bounds(self) -> Document | None:
        """The size that the target is to have, and why; tried once for each look."""
        if self.look["failure"] or self.look["asked"]:
            return None
        least, most, current = self.spec.get("minReplicas", 1), self.spec["maxReplicas"], self.look["replicas"]
        if current > most:
            return {"replicas": most, "why": "Current number of replicas above Spec.MaxReplicas"}
        if 0 < current < least:
            return {"replicas": least, "why": "Current number of replicas below Spec.MinReplicas"}
        return None

    def _able(self) -> None:
        asked, refusal, failure = self.look["asked"], self.look["refusal"], self.look["failure"]
        if failure:
            message = f"the HPA controller was unable to get the target's current scale: {failure}"
            self._say(ABLE, False, "FailedGetScale", message, ("Warning", "FailedGetScale", failure))
        elif not asked:
            self._say(ABLE, True, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
        else:
            size = f"New size: {asked['replicas']}; reason: {asked['why']}"
            if refusal:
                message = f"the HPA controller was unable to update the target scale: {refusal}"
                event = ("Warning", "FailedRescale", f"{size}; error: {refusal}")
                self._say(ABLE, False, "FailedUpdateScale", message, event)
                return
            message = f"the HPA controller was able to update the target scale to {asked['replicas']}"
            self._say(ABLE, True, "SucceededRescale", message, ("Normal", "SuccessfulRescale", size))
            self.status["desiredReplicas"] = asked["replicas"]
            self.status["lastScaleTime"] = rfc3339(datetime.fromtimestamp(self.look["at"], UTC))

    def _active(self) -> None:
        current = self.status["currentReplicas"] = self.look["replicas"]
        if current == 0 and self.spec.get("minReplicas", 1):
            message = "scaling is disabled since the replica count of the target is zero"
            self._say(ACTIVE, False, "ScalingDisabled", message)
            self.status["desiredReplicas"] = 0
        elif not self.look["selector"]:
            message = "the HPA target's scale is missing a selector"
            self._say(
                ACTIVE, False, "InvalidSelector", message, ("Warning", "SelectorRequired", "selector is required")
            )
        else:
            self._metrics()

    def _metrics(self) -> None:
        metrics = self.spec.get("metrics") or []
        if not metrics:
            return
        what, api = _described(metrics[0], self.found["metadata"]["namespace"])
        why = _UNREAD.format(api=api) if api in self.look["apis"] else _ABSENT[api]
        reason = f"FailedGet{metrics[0]['type']}Metric"
        error = f"{what}: {why}"
        message = f"the HPA was unable to compute the replica count: {error}"
        self._say(ACTIVE, False, reason, message, ("Warning", reason, error))

    def _say(
        self, type_: str, status: bool, reason: str, message: str, event: tuple[str, str, str] | None = None
    ) -> None:
        """A condition, which keeps its time while its status does. The event comes when something is new."""
        old = next((c for c in self.status["conditions"] if c["type"] == type_), None)
        made = {"type": type_, "status": str(status), "reason": reason, "message": message}
        if old is not None and all(old.get(k) == v for k, v in made.items()):
            return
        since = old["lastTransitionTime"] if old is not None and old["status"] == str(status) else rfc3339(self.now)
        others = [c for c in self.status["conditions"] if c["type"] != type_]
        self.status["conditions"] = [*others, {**made, "lastTransitionTime": since}]
        if event is not None:
            self.events.append(Event(self.found, *event))


def _described(metric: Document, namespace: str) -> tuple[str, str]:
    """What could not be had of a metric, and which API would have it."""
    type_ = metric["type"]
    source = metric[type_[0].lower() + type_[1:]]
    if type_ in ("Resource", "ContainerResource"):
        what = "utilization" if (source.get("target") or {}).get("averageUtilization") is not None else "usage"
        name = source["name"]
        return f"failed to get {name} {what}: unable to get metrics for resource {name}", RESOURCES
    name = source["metric"]["name"]
    if type_ == "External":
        return f"unable to get external metric {namespace}/{name}", EXTERNAL
    if type_ == "Object":
        about = source["describedObject"]
        return f"unable to get metric {name}: {about['kind']} on {namespace} {about['name']}", CUSTOM
    return f"unable to get metric {name}", CUSTOM


CONTROLLER = Controller(
    name="horizontal-pod-autoscaler",
    watches=(Watch(AUTOSCALERS, own_key), Watch(LOOKS, own_key)),
    reconcile=reconcile,
)

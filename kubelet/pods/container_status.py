"""ContainerStatus documents. Source: convertToAPIContainerStatuses of pkg/kubelet/kubelet_pods.go."""

from __future__ import annotations

from kubelet.pods import documents, resizing
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_exited, is_running
from kubelet.pods.plan import should_start
from kubelet.pods.times import rfc3339
from kubelet.runtime.api import ContainerState, ContainerStatus, User

LOST = "ContainerStatusUnknown"
REMOVED = "The container is removed because RestartAllContainers in place"
NEVER = "1970-01-01T00:00:00Z"
"""What a runtime's zero time comes out as."""


def container_statuses(
    pod: Document,
    containers: list[Document],
    observed: Observed,
    previous: list[Document],
    runtime_name: str,
    *,
    init: bool,
) -> list[Document]:
    """In the order of the spec. ``previous`` are the last reported ones of the same field."""
    before = {s["name"]: s for s in previous}
    found = []
    for container in containers:
        many = observed.containers.get(container["name"], ())
        old = before.get(container["name"])
        if many:
            status = _from_runtime(pod, container, many, old, runtime_name)
        else:
            status = _without_runtime(pod, container, observed, old)
        _show_waiting(pod, container, observed, status, init=init)
        _set_readiness(container, observed, status, many[0] if many else None, old, init=init)
        found.append(status)
    return found


def mounts_of(container: Document) -> list[Document]:
    found = []
    for mount in container.get("volumeMounts") or ():
        entry = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("readOnly"):
            asked = mount.get("recursiveReadOnly") in ("Enabled", "IfPossible")
            entry.update(readOnly=True, recursiveReadOnly="Enabled" if asked else "Disabled")
        found.append(entry)
    return found


def _from_runtime(
    pod: Document,
    container: Document,
    many: tuple[ContainerStatus, ...],
    old: Document | None,
    runtime_name: str,
) -> Document:
    newest = many[0]
    status: Document = {
        "name": container["name"],
        "state": _state(newest, runtime_name) or _not_started(pod),
        "lastState": {},
        "ready": False,
        "restartCount": newest.attempt,
        "image": newest.user_image or container.get("image", ""),
        "imageID": newest.image_id,
        "containerID": f"{runtime_name}://{newest.id}",
    }
    if len(many) > 1 and is_exited(many[1]):
        status["lastState"] = _state(many[1], runtime_name)
    elif old and newest.attempt:
        status["lastState"] = _forgotten(pod, old, status["containerID"])
    _add_static(container, status)
    if newest.user is not None:
        status["user"] = {"linux": _user(newest.user)}
    if is_running(newest) and old and "resources" in old and resizing.changed(pod, container, newest):
        # What it has, until it has what is now asked for.
        status["resources"] = old["resources"]
    return status


def _forgotten(pod: Document, old: Document, id_: str) -> Document:
    """The last state of a container whose predecessor the runtime has no longer; ``id_`` is that of the container."""
    state = old.get("state") or {}
    if old.get("containerID") in (None, "", id_) or "waiting" in state:
        return old.get("lastState") or {}
    if "terminated" in state:
        return {"terminated": state["terminated"]}
    return _removed() if documents.may_restart_all(pod) else old.get("lastState") or {}


def _removed() -> Document:
    ended = {"reason": documents.RESTARTING_ALL, "message": REMOVED, "exitCode": 137}
    return {"terminated": {**ended, "startedAt": None, "finishedAt": None}}


def _user(user: User) -> Document:
    return {"uid": user.uid, "gid": user.gid, "supplementalGroups": list(user.additional_gids)}


def _without_runtime(pod: Document, container: Document, observed: Observed, old: Document | None) -> Document:
    """Never started, or gone from the runtime."""
    if observed.started_over and old and "waiting" not in old.get("state", {}):
        return _started_over(container, old)
    if old and "terminated" in old.get("state", {}):
        return dict(old)
    status: Document = {
        "name": container["name"],
        "state": _not_started(pod),
        "lastState": dict((old or {}).get("lastState") or {}),
        "ready": False,
        "restartCount": (old or {}).get("restartCount", 0),
        "image": container.get("image", ""),
        "imageID": "",
    }
    if old and "running" in old.get("state", {}) and not status["lastState"].get("terminated"):
        message = "The container could not be located when the pod was deleted.  The container used to be Running"
        status["lastState"] = {
            "terminated": {"reason": LOST, "message": message, "exitCode": 137, "startedAt": None, "finishedAt": None}
        }
        if not documents.is_deleted(pod):
            status["restartCount"] += 1
    if observed.terminating and status["lastState"].get("terminated") and not observed.alive():
        status["state"] = status["lastState"]
    _add_static(container, status, running=False)
    return status


def _started_over(container: Document, old: Document) -> Document:
    status = {
        "name": container["name"],
        "state": {"waiting": {"reason": documents.RESTARTING_ALL, "message": REMOVED}},
        "lastState": _removed(),
        "ready": False,
        "restartCount": old.get("restartCount", 0) + 1,
        "image": container.get("image", ""),
        "imageID": "",
    }
    _add_static(container, status, running=False)
    return status


def _add_static(container: Document, status: Document, *, running: bool = True) -> None:
    resources = container.get("resources") or {}
    if running:
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
        status["resources"] = resources
    if mounts := mounts_of(container):
        status["volumeMounts"] = mounts
    if running and (signal := (container.get("lifecycle") or {}).get("stopSignal")):
        status["stopSignal"] = signal


def _not_started(pod: Document) -> Document:
    return {"waiting": {"reason": "PodInitializing" if documents.init_containers(pod) else "ContainerCreating"}}


def _state(status: ContainerStatus, runtime_name: str) -> Document:
    """Empty for what was created and has not been started, or whose postStart hook still runs."""
    if status.state == ContainerState.RUNNING:
        return {"running": {"startedAt": rfc3339(status.started_at)}}
    if status.state != ContainerState.EXITED:
        return {}
    ended: Document = {
        "exitCode": status.exit_code,
        "reason": status.reason or ("Completed" if status.exit_code == 0 else "Error"),
        "startedAt": rfc3339(status.started_at) or NEVER,
        "finishedAt": rfc3339(status.finished_at) or NEVER,
        "containerID": f"{runtime_name}://{status.id}",
    }
    if status.message:
        ended["message"] = status.message
    if status.signal:
        ended["signal"] = status.signal
    return {"terminated": ended}


def _show_waiting(pod: Document, container: Document, observed: Observed, status: Document, *, init: bool) -> None:
    """What is to be started and couldn't be yet, waits, and says why."""
    failure = observed.failures.get(container["name"])
    if failure is None or observed.terminating:
        return
    newest = observed.newest(container["name"])
    if init and newest is not None and is_exited(newest) and newest.exit_code == 0:
        if not documents.is_sidecar(container):
            return
    if not should_start(pod, container, newest, started_over=observed.started_over):
        return
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    status["state"] = {"waiting": {"reason": failure.reason, "message": failure.message}}


def _set_readiness(
    container: Document,
    observed: Observed,
    status: Document,
    newest: ContainerStatus | None,
    old: Document | None,
    *,
    init: bool,
) -> None:
    status["ready"] = False
    running = is_running(newest) and "running" in status["state"]
    status["started"] = bool(running and _has_started(container, observed, newest, old, status))
    if init and not documents.is_sidecar(container):
        ended = status["state"].get("terminated")
        status["ready"] = bool(ended and ended["exitCode"] == 0)
        return
    if status["started"] and newest is not None:
        status["ready"] = not container.get("readinessProbe") or observed.readiness.get(newest.id) is True


def _has_started(
    container: Document, observed: Observed, newest: ContainerStatus | None, old: Document | None, status: Document
) -> bool:
    if not container.get("startupProbe") or newest is None:
        return True
    decided = observed.startup.get(newest.id)
    if decided is None and old is not None:
        return bool(old.get("started")) and old.get("containerID") == status.get("containerID")
    return decided is True

"""SandboxConfig and ContainerConfig from a pod: what the runtime is asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from kubelet.network.api import PortMapping
from kubelet.pods import documents, naming, resources
from kubelet.pods.documents import Document
from kubelet.pods.expansion import expand
from kubelet.runtime.api import ContainerConfig, Image, Mount, SandboxConfig, SecurityContext
from kubelet.settings import Settings

RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy"
PRE_STOP = "io.kubernetes.container.preStopHandler"
DELETION_GRACE = "io.kubernetes.pod.deletionGracePeriod"
TERMINATION_GRACE = "io.kubernetes.pod.terminationGracePeriod"
DEFAULT_TERMINATION_PATH = "/dev/termination-log"


def log_directory(settings: Settings, pod: Document) -> Path:
    name = "_".join((documents.namespace_of(pod), documents.name_of(pod), documents.uid_of(pod)))
    return settings.logs_dir / name


def sandbox_config(pod: Document, settings: Settings, *, attempt: int, netns: str | None) -> SandboxConfig:
    spec, meta = pod["spec"], pod["metadata"]
    context = spec.get("securityContext") or {}
    return SandboxConfig(
        uid=meta["uid"],
        name=meta["name"],
        namespace=meta["namespace"],
        attempt=attempt,
        hostname=naming.sandbox_hostname(pod, settings.cluster_domain, settings.node_name),
        netns=netns,
        log_directory=str(log_directory(settings, pod)),
        cgroup=resources.cgroup_path(pod),
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        share_pid=bool(spec.get("shareProcessNamespace")),
        host_users=spec.get("hostUsers") is not False,
        sysctls={s["name"]: s["value"] for s in context.get("sysctls") or ()},
        labels={**(meta.get("labels") or {}), **_identity(pod)},
        annotations={**(meta.get("annotations") or {}), **_graces(pod)},
        resources=resources.of_pod(pod),
    )


def container_config(
    pod: Document,
    container: Document,
    *,
    attempt: int,
    image: Image,
    env: list[tuple[str, str]],
    mounts: tuple[Mount, ...],
    security: SecurityContext,
    memory_capacity: int,
    target: str = "",
) -> ContainerConfig:
    known = dict(env)
    command, args = container.get("command"), container.get("args")
    return ContainerConfig(
        name=container["name"],
        attempt=attempt,
        image=image.id,
        user_image=container.get("image", ""),
        command=tuple(expand(c, known) for c in command) if command else None,
        args=tuple(expand(a, known) for a in args) if args else None,
        working_dir=container.get("workingDir") or "",
        env=tuple(env),
        mounts=mounts,
        labels={**_identity(pod), documents.CONTAINER_NAME_LABEL: container["name"]},
        annotations=_annotations(pod, container, attempt),
        log_path=f"{container['name']}/{attempt}.log",
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        resources=resources.of_container(pod, container, memory_capacity=memory_capacity),
        security=security,
        stop_signal=(container.get("lifecycle") or {}).get("stopSignal") or "",
        target_pid_of=target,
    )


def port_mappings(pod: Document) -> tuple[PortMapping, ...]:
    if documents.host_network(pod):
        return ()
    return tuple(
        PortMapping(p["hostPort"], p["containerPort"], p.get("protocol") or "TCP", p.get("hostIP") or "")
        for c in (*documents.containers(pod), *documents.init_containers(pod))
        for p in c.get("ports") or ()
        if p.get("hostPort")
    )


def namespaced_sysctls(pod: Document) -> dict[str, str]:
    """Those of the network namespace; the sandbox's own are the runtime's to set."""
    given = (pod["spec"].get("securityContext") or {}).get("sysctls") or ()
    return {s["name"]: s["value"] for s in given if s["name"].replace("/", ".").startswith("net.")}


def orphan(labels: Mapping[str, str], annotations: Mapping[str, str], names: list[str]) -> Document:
    """A pod document that is enough to end the containers of a pod that the API no longer has."""
    grace = annotations.get(DELETION_GRACE) or annotations.get(TERMINATION_GRACE) or "30"
    return {
        "metadata": {
            "name": labels.get(documents.POD_NAME_LABEL, ""),
            "namespace": labels.get(documents.POD_NAMESPACE_LABEL, ""),
            "uid": labels.get(documents.POD_UID_LABEL, ""),
        },
        "spec": {"containers": [{"name": n} for n in names], "terminationGracePeriodSeconds": int(grace)},
    }


def _identity(pod: Document) -> dict[str, str]:
    return {
        documents.POD_NAME_LABEL: documents.name_of(pod),
        documents.POD_NAMESPACE_LABEL: documents.namespace_of(pod),
        documents.POD_UID_LABEL: documents.uid_of(pod),
    }


def _graces(pod: Document) -> dict[str, str]:
    grace = pod["spec"].get("terminationGracePeriodSeconds")
    return {TERMINATION_GRACE: str(grace)} if grace is not None else {}


def _annotations(pod: Document, container: Document, attempt: int) -> dict[str, str]:
    found = {
        documents.HASH_ANNOTATION: documents.container_hash(container),
        RESTART_COUNT: str(attempt),
        TERMINATION_PATH: container.get("terminationMessagePath") or DEFAULT_TERMINATION_PATH,
        TERMINATION_POLICY: container.get("terminationMessagePolicy") or "File",
        **_graces(pod),
    }
    if hook := (container.get("lifecycle") or {}).get("preStop"):
        found[PRE_STOP] = orjson.dumps(hook).decode()
    return found

"""Reading pod documents: small questions that many modules ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

HASH_ANNOTATION = "io.kubernetes.container.hash"
RESTART_ALL = "RestartAllContainers"
RESTARTING_ALL = "RestartingAllContainers"
"""The reason that containers show which were removed so that their pod starts from the beginning."""
POD_NAME_LABEL = "io.kubernetes.pod.name"
POD_NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
POD_UID_LABEL = "io.kubernetes.pod.uid"
CONTAINER_NAME_LABEL = "io.kubernetes.container.name"


def name_of(pod: Document) -> str:
    return pod["metadata"]["name"]


def namespace_of(pod: Document) -> str:
    return pod["metadata"]["namespace"]


def uid_of(pod: Document) -> str:
    return pod["metadata"]["uid"]


def describe(pod: Document) -> str:
    """``name_namespace(uid)``: how upstream's messages name a pod."""
    return f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"


def containers(pod: Document) -> list[Document]:
    return pod["spec"].get("containers") or []


def init_containers(pod: Document) -> list[Document]:
    return pod["spec"].get("initContainers") or []


def ephemeral_containers(pod: Document) -> list[Document]:
    return pod["spec"].get("ephemeralContainers") or []


def all_containers(pod: Document) -> Iterator[Document]:
    yield from init_containers(pod)
    yield from containers(pod)
    yield from ephemeral_containers(pod)


def find_container(pod: Document, name: str) -> Document | None:
    return next((c for c in all_containers(pod) if c["name"] == name), None)


def field_path(pod: Document, name: str) -> str:
    """``spec.containers{app}``: an event's involvedObject.fieldPath."""
    for field in ("containers", "initContainers", "ephemeralContainers"):
        if any(c["name"] == name for c in pod["spec"].get(field) or ()):
            return f"spec.{field}{{{name}}}"
    return ""


def is_sidecar(container: Document) -> bool:
    """Of an init container: whether it is restartable, so keeps running beside the others."""
    return container.get("restartPolicy") == "Always"


def restart_policy(pod: Document) -> str:
    return pod["spec"].get("restartPolicy") or "Always"


def host_network(pod: Document) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def is_deleted(pod: Document) -> bool:
    """Whether its deletion was asked for."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def phase_of(pod: Document) -> str:
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_finished(pod: Document) -> bool:
    return phase_of(pod) in ("Succeeded", "Failed")


def restarts_after(pod: Document, container: Document, exit_code: int) -> bool:
    """Whether a container that ended so is to be started again: its rules, its own policy, the pod's."""
    for rule in container.get("restartPolicyRules") or ():
        if _matches(rule.get("exitCodes") or {}, exit_code):
            return rule.get("action") in ("Restart", RESTART_ALL)
    policy = container.get("restartPolicy") or restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def restarts_all(container: Document, exit_code: int) -> bool:
    """Whether a container that ended so has all of its pod's containers started anew."""
    rules = container.get("restartPolicyRules") or ()
    matching = next((r for r in rules if _matches(r.get("exitCodes") or {}, exit_code)), {})
    return matching.get("action") == RESTART_ALL


def may_restart_all(pod: Document) -> bool:
    everyone = (*containers(pod), *init_containers(pod))
    return any(r.get("action") == RESTART_ALL for c in everyone for r in c.get("restartPolicyRules") or ())


def restarts_on_probe(pod: Document, container: Document) -> bool:
    """Whether a container that a probe gives up on is started again: rules on exit codes can't apply yet."""
    return (container.get("restartPolicy") or restart_policy(pod)) != "Never"


def container_hash(container: Document) -> str:
    """Changes when the container has to be made anew: with its image or name (FNV-1a of both)."""
    value = 0x811C9DC5
    for byte in f"{container['name']}\0{container.get('image', '')}".encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return format(value, "x")


def find_port(container: Document, port: Any) -> int:
    """A probe's or hook's port, by number or by the name of a container port. Raises ValueError."""
    number = port
    if isinstance(port, str):
        named = (p["containerPort"] for p in container.get("ports") or () if p.get("name") == port)
        number = next(named, None)
        if number is None:
            if not port.isdigit():
                raise ValueError(f"couldn't find port: {port} in {container['name']}")
            number = int(port)
    if isinstance(number, int) and 0 < number < 65536:
        return number
    raise ValueError(f"invalid port number: {port}")


def _matches(codes: Document, exit_code: int) -> bool:
    inside = exit_code in (codes.get("values") or ())
    return inside if codes.get("operator") == "In" else codes.get("operator") == "NotIn" and not inside

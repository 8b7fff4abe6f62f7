"""Doing what makes a pod run: sandbox with network and volumes, containers with images and configuration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from apiclient.errors import Unreachable
from apimachinery.errors import StatusError
from kubelet.events import NORMAL, WARNING
from kubelet.network.api import PodNetworkStatus
from kubelet.pods import documents, env, handlers, hooks, mounts, security
from kubelet.pods.configs import container_config, log_directory, namespaced_sysctls, port_mappings, sandbox_config
from kubelet.pods.context import Context
from kubelet.pods.documents import Document
from kubelet.pods.images import StartFailure
from kubelet.references import Unavailable
from kubelet.runtime.api import ContainerConfig, Image, RuntimeError_
from kubelet.volumes import subpath
from kubelet.volumes.manager import Volume
from kubelet.volumes.problems import VolumesNotReady

log = logging.getLogger(__name__)

SHOWN_SECONDS = 1.0
"""How long the error of a container that did come into being stands; its restarts are then backed off as any."""


class PodFailure(Exception):
    """There is no sandbox, or no volumes: nothing of the pod can start now."""


async def create_sandbox(
    context: Context, pod: Document, attempt: int, created: Callable[[str, tuple[str, ...]], None]
) -> None:
    """``created`` is called with the sandbox's id and the pod's IPs. Raises PodFailure, having said why in an event."""
    try:
        await handlers.check(context, pod)
    except (handlers.NoHandler, StatusError, Unreachable) as error:
        raise _sandbox_failed(context, pod, error) from error
    # Without the one there is no use for the other, but both take their time.
    network = asyncio.ensure_future(_network(context, pod))
    try:
        await ensure_volumes(context, pod, ())
    except BaseException:
        await asyncio.gather(network, return_exceptions=True)
        raise
    status = await network
    ips = status.ips if status else ()
    for words in mounts.write_names(context, pod, ips):
        context.recorder.pod(pod, WARNING, "DNSConfigForming", words)
    netns = status.netns if status else None
    log_directory(context.settings, pod).mkdir(parents=True, exist_ok=True)
    config = sandbox_config(pod, context.settings, attempt=attempt, netns=netns)

    async def run() -> None:
        created(await context.runtime.run_sandbox(config), ips)

    try:
        return await uninterrupted(run())
    except (RuntimeError_, OSError) as error:
        raise _sandbox_failed(context, pod, error) from error


async def ensure_volumes(context: Context, pod: Document, ips: tuple[str, ...]) -> Mapping[str, Volume]:
    """Raises PodFailure."""
    try:
        return await context.volumes.ensure(pod, context.facts(pod, ips))
    except VolumesNotReady as problem:
        for message in problem.events:
            context.recorder.pod(pod, WARNING, "FailedMount", message)
        raise PodFailure(str(problem)) from problem


async def pull_secrets(context: Context, pod: Document) -> list[Document]:
    names = [s["name"] for s in pod["spec"].get("imagePullSecrets") or () if s.get("name")]
    if not names:
        return []
    found = await context.references.get_all(documents.namespace_of(pod), [(env.SECRET, n) for n in names])
    missing = [n for n in names if found[env.SECRET, n] is None]
    if missing:
        message = f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
        message += "attempting to pull the image may not succeed."
        context.recorder.pod(pod, WARNING, "FailedToRetrieveImagePullSecret", message)
    return [s for s in found.values() if s is not None]


async def ensure_image(context: Context, pod: Document, container: Document) -> Image:
    """Raises StartFailure."""
    try:
        return await context.images.ensure(pod, container, await pull_secrets(context, pod))
    except Unavailable as error:
        raise StartFailure("ErrImagePull", str(error)) from error


async def ensure_image_volumes(context: Context, pod: Document, container: Document) -> Mapping[str, Image]:
    """The images that are volumes which the container mounts, by the volume's name. Raises StartFailure."""
    mounted = {m["name"] for m in container.get("volumeMounts") or ()}
    found = {}
    for volume in pod["spec"].get("volumes") or ():
        if "image" in volume and volume["name"] in mounted:
            source = volume["image"]
            wanted = {"image": source.get("reference", ""), "imagePullPolicy": source.get("pullPolicy")}
            found[volume["name"]] = await ensure_image(context, pod, wanted)
    return found


async def start_container(
    context: Context,
    pod: Document,
    container: Document,
    *,
    sandbox_id: str,
    attempt: int,
    ips: tuple[str, ...],
    image: Image,
    image_volumes: Mapping[str, Image],
    target: str,
    created: Callable[[str], None],
) -> str:
    """The id of the container, which runs. ``created`` is called with it before. Raises StartFailure and PodFailure,
    having said why in events."""
    volumes = await ensure_volumes(context, pod, ips)
    config = await _config(context, pod, container, attempt, ips, image, volumes, image_volumes, target)
    path = documents.field_path(pod, container["name"])
    id_ = ""

    async def create() -> None:
        nonlocal id_
        id_ = await context.runtime.create_container(sandbox_id, config)
        created(id_)

    try:
        await uninterrupted(create())
    except (RuntimeError_, OSError) as error:
        raise failed(context, pod, container, "CreateContainerError", str(error)) from error
    context.recorder.pod(pod, NORMAL, "Created", "Container created", field_path=path)
    try:
        await uninterrupted(context.runtime.start_container(id_))
    except (RuntimeError_, OSError) as error:
        raise failed(context, pod, container, "RunContainerError", str(error), retry_seconds=SHOWN_SECONDS) from error
    context.recorder.pod(pod, NORMAL, "Started", "Container started", field_path=path)
    return id_


async def post_start(context: Context, pod: Document, container: Document, id_: str, ips: tuple[str, ...]) -> None:
    """Raises StartFailure when the hook fails; the container is then to be killed."""
    hook = (container.get("lifecycle") or {}).get("postStart")
    if not hook:
        return
    ip = ips[0] if ips else context.host_ip
    try:
        await hooks.run(hook, pod, container, id_, ip, context.runtime)
    except hooks.HookFailed as error:
        path = documents.field_path(pod, container["name"])
        context.recorder.pod(pod, WARNING, "FailedPostStartHook", "PostStartHook failed", field_path=path)
        raise StartFailure("PostStartHookError", str(error), retry_seconds=SHOWN_SECONDS) from error


def failed(
    context: Context, pod: Document, container: Document, reason: str, message: str, *, retry_seconds: float = 10.0
) -> StartFailure:
    path = documents.field_path(pod, container["name"])
    context.recorder.pod(pod, WARNING, "Failed", f"Error: {message}", field_path=path)
    return StartFailure(reason, message, retry_seconds=retry_seconds)


def first_attempt(context: Context, pod: Document, name: str) -> int:
    """0, or one more than the last log says, where the runtime has forgotten the container."""
    folder = log_directory(context.settings, pod) / name
    try:
        numbers = [int(p.name.split(".")[0]) for p in folder.iterdir() if p.name.split(".")[0].isdigit()]
    except FileNotFoundError:
        return 0
    return max(numbers, default=-1) + 1


async def uninterrupted(work: Awaitable[None]) -> None:
    """What is being made is finished and known before a cancellation goes on: else nobody would take it away."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is not None:
            log.info("broken off: %s", task.exception())
        raise


async def _network(context: Context, pod: Document) -> PodNetworkStatus | None:
    if documents.host_network(pod):
        return None
    try:
        return await context.network.setup_pod(
            pod_uid=documents.uid_of(pod),
            namespace=documents.namespace_of(pod),
            name=documents.name_of(pod),
            ports=port_mappings(pod),
            sysctls=namespaced_sysctls(pod),
            bandwidth=_bandwidth(pod),
        )
    except Exception as error:  # whatever the network's library raises is the pod's event
        log.exception("network of pod %s", documents.describe(pod))
        raise _sandbox_failed(context, pod, error) from error


def _sandbox_failed(context: Context, pod: Document, error: BaseException) -> PodFailure:
    context.recorder.pod(pod, WARNING, "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
    return PodFailure(f"failed to create pod sandbox: {error}")


def _bandwidth(pod: Document) -> tuple[int | None, int | None]:
    from kubelet.pods.quantities import value

    annotations = pod["metadata"].get("annotations") or {}
    ingress, egress = (annotations.get(f"kubernetes.io/{way}-bandwidth") for way in ("ingress", "egress"))
    return (value(ingress) if ingress else None, value(egress) if egress else None)


async def _config(
    context: Context,
    pod: Document,
    container: Document,
    attempt: int,
    ips: tuple[str, ...],
    image: Image,
    volumes: Mapping[str, Volume],
    image_volumes: Mapping[str, Image],
    target: str,
) -> ContainerConfig:
    try:
        await context.services_synced()
        namespace = documents.namespace_of(pod)
        objects = await context.references.get_all(namespace, env.referenced(container))
        links = pod["spec"].get("enableServiceLinks") is not False
        services = env.service_variables(context.services(), namespace, links=links)
        variables = env.environment(
            pod,
            container,
            objects=objects,
            services=services,
            facts=context.facts(pod, ips),
            read=lambda volume, path: subpath.read(Path(volumes[volume].path), path),
        )
        merged = security.merge(
            pod, container, image_user=image.user, seccomp_dir=str(Path(context.settings.root_dir) / "seccomp")
        )
        found = mounts.container_mounts(
            context, pod, container, attempt=attempt, volumes=volumes, images=image_volumes, env=dict(variables)
        )
        return container_config(
            pod,
            container,
            attempt=attempt,
            image=image,
            env=variables,
            mounts=found,
            security=merged,
            memory_capacity=context.memory_capacity,
            target=target,
        )
    except (env.ConfigError, Unavailable, OSError) as error:
        raise failed(context, pod, container, "CreateContainerConfigError", str(error)) from error

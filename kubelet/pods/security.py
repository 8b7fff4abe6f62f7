"""The pod's and the container's security contexts, merged. Source: pkg/securitycontext and kuberuntime."""

from __future__ import annotations

from typing import Any

from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.env import ConfigError
from kubelet.runtime.api import SecurityContext


def merge(pod: Document, container: Document, *, image_user: str, seccomp_dir: str) -> SecurityContext:
    """``image_user`` is the image's User. Raises ConfigError for what can't be honoured."""
    whole = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}
    _verify_non_root(pod, container, _first(own, whole, "runAsNonRoot"), _first(own, whole, "runAsUser"), image_user)
    if own.get("windowsOptions") or whole.get("windowsOptions"):
        raise ConfigError("windowsOptions can't be honoured on a Linux node")
    capabilities = own.get("capabilities") or {}
    privileged = bool(own.get("privileged"))
    return SecurityContext(
        run_as_user=_first(own, whole, "runAsUser"),
        run_as_group=_first(own, whole, "runAsGroup"),
        supplemental_groups=tuple(whole.get("supplementalGroups") or ()),
        supplemental_groups_policy=whole.get("supplementalGroupsPolicy") or "Merge",
        fs_group=whole.get("fsGroup"),
        privileged=privileged,
        readonly_rootfs=bool(own.get("readOnlyRootFilesystem")),
        no_new_privs=own.get("allowPrivilegeEscalation") is False,
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        seccomp="Unconfined" if privileged else _seccomp(own, whole, seccomp_dir),
        apparmor=_apparmor(pod, container, own, whole),
        masked_proc=own.get("procMount") != "Unmasked",
    )


def _first(own: Document, whole: Document, name: str) -> Any:
    value = own.get(name)
    return whole.get(name) if value is None else value


def _verify_non_root(pod: Document, container: Document, wanted: Any, user: int | None, image_user: str) -> None:
    if not wanted:
        return
    where = f'(pod: "{documents.describe(pod)}", container: {container["name"]})'
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image_user.partition(":")[0]
    if name and not name.isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root "
            + where
        )
    if not name or int(name) == 0:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")


def _seccomp(own: Document, whole: Document, seccomp_dir: str) -> str:
    profile = own.get("seccompProfile") or whole.get("seccompProfile") or {}
    kind = profile.get("type") or "Unconfined"
    if kind != "Localhost":
        return kind
    if not profile.get("localhostProfile"):
        raise ConfigError("localhostProfile must be set if seccompProfile type is Localhost.")
    return f"Localhost:{seccomp_dir}/{profile['localhostProfile']}"


def _apparmor(pod: Document, container: Document, own: Document, whole: Document) -> str:
    profile = own.get("appArmorProfile") or whole.get("appArmorProfile")
    if profile:
        kind = profile.get("type") or "Unconfined"
        return f"Localhost:{profile.get('localhostProfile', '')}" if kind == "Localhost" else kind
    annotations = pod["metadata"].get("annotations") or {}
    old = annotations.get(f"container.apparmor.security.beta.kubernetes.io/{container['name']}", "")
    if old.startswith("localhost/"):
        return f"Localhost:{old.removeprefix('localhost/')}"
    return "RuntimeDefault" if old == "runtime/default" else "Unconfined"

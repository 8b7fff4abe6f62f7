"""ServiceAccount: every pod runs as one and gets its token mounted.

Source of meaning: plugin/pkg/admission/serviceaccount. The token's lifetime is one hour and seven seconds, by which
upstream recognises injected tokens.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from apiserver.admission.plugin import WRITES, Document, Plugin, Reader, containers, refusal

if TYPE_CHECKING:
    from apiserver.context import Operation

_MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME = "kube-api-access-"
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_MIRROR = "kubernetes.io/config.mirror"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})

# A namespace's default account is made by a controller: a pod that comes with its namespace waits for it.
_WAIT_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.02


async def _admit(op: Operation, reader: Reader) -> None:
    if op.verb != "CREATE" or op.subresource:
        return
    pod = op.object
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        _check_mirror(op, pod)
        return
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or "default"
    # Upstream serves the old name of the field beside the new one.
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = await _account(op, reader, name)
    if _automounts(spec, account):
        _mount_token(spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": ref.get("name", "")} for ref in account["imagePullSecrets"]]


def _validate(op: Operation, reader: Reader) -> None:
    spec = op.object["spec"]
    ephemeral = op.subresource == "ephemeralcontainers"
    if (op.verb == "CREATE") == ephemeral or _MIRROR in (op.object["metadata"].get("annotations") or {}):
        return
    account = reader.get("serviceaccounts", op.namespace, spec.get("serviceAccountName", ""))
    if account is None:
        raise refusal(op, _missing(op.namespace, spec.get("serviceAccountName", "")))
    if (account["metadata"].get("annotations") or {}).get(_ENFORCE) in _TRUE:
        _limit_secrets(op, spec, account, ephemeral=ephemeral)


async def _account(op: Operation, reader: Reader, name: str) -> Document:
    tries = int(_WAIT_SECONDS / _LOOK_EVERY_SECONDS) if name == "default" else 1
    for attempt in range(tries):
        if attempt:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        account = reader.get("serviceaccounts", op.namespace, name)
        if account is not None:
            return account
    raise refusal(op, _missing(op.namespace, name))


def _missing(namespace: str, name: str) -> str:
    return f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'


def _automounts(spec: Document, account: Document) -> bool:
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return wanted is not False


def _mount_token(spec: Document) -> None:
    volumes = spec.setdefault("volumes", [])
    existing = next((v["name"] for v in volumes if v["name"].startswith(_VOLUME)), "")
    name = existing or _VOLUME + "".join(random.choices(_SUFFIX, k=5))
    mounted = False
    for container in containers(spec):
        mounts = container.setdefault("volumeMounts", [])
        if not any(m.get("mountPath") == _MOUNT_PATH for m in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": _MOUNT_PATH})
            mounted = True
        if not mounts:
            del container["volumeMounts"]
    if mounted and not existing:
        volumes.append({"name": name, "projected": token_volume()})
    if not volumes:
        del spec["volumes"]


def token_volume() -> dict[str, Any]:
    """The projected volume of a pod's token, CA and namespace."""
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {
                            "path": "namespace",
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                        }
                    ]
                }
            },
        ],
        "defaultMode": 420,
    }


def _check_mirror(op: Operation, pod: Document) -> None:
    from apiserver.auth.nodes import references

    if pod["spec"].get("serviceAccountName"):
        raise refusal(op, "a mirror pod may not reference service accounts")
    if any(references(pod, "secrets")):
        raise refusal(op, "a mirror pod may not reference secrets")
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken"):
                raise refusal(op, "a mirror pod may not use ServiceAccountToken volume projections")


def _limit_secrets(op: Operation, spec: Document, account: Document, *, ephemeral: bool) -> None:
    allowed = {s.get("name") for s in account.get("secrets") or ()}
    who = f"is not allowed because service account {account['metadata']['name']} does not reference that"
    if not ephemeral:
        for volume in spec.get("volumes") or ():
            name = (volume.get("secret") or {}).get("secretName")
            if name is not None and name not in allowed:
                raise refusal(op, f'volume with secret.secretName="{name}" {who} secret')
    fields = {"ephemeral container": "ephemeralContainers"} if ephemeral else {}
    fields = fields or {"init container": "initContainers", "container": "containers"}
    for what, field in fields.items():
        for container in spec.get(field) or ():
            _limit_container(op, f"{what} {container['name']}", container, allowed, who)
    pull = {s.get("name") for s in account.get("imagePullSecrets") or ()}
    for i, ref in enumerate(spec.get("imagePullSecrets") or ()):
        if not ephemeral and ref.get("name") not in pull:
            raise refusal(op, f'imagePullSecrets[{i}].name="{ref.get("name")}" {who} imagePullSecret')


def _limit_container(op: Operation, what: str, container: Document, allowed: set[str | None], who: str) -> None:
    for env in container.get("env") or ():
        name = ((env.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name")
        if name is not None and name not in allowed:
            raise refusal(op, f'{what} with envVar {env["name"]} referencing secret.secretName="{name}" {who} secret')
    for source in container.get("envFrom") or ():
        name = (source.get("secretRef") or {}).get("name")
        if name is not None and name not in allowed:
            raise refusal(op, f'{what} with envFrom referencing secret.secretName="{name}" {who} secret')


PLUGIN = Plugin(
    "ServiceAccount",
    frozenset({"pods"}),
    WRITES,
    frozenset({"", "ephemeralcontainers"}),
    admit=_admit,
    validate=_validate,
)

"""A container's environment. Source: makeEnvironmentVariables of pkg/kubelet/kubelet_pods.go."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from kubelet.pods import downward, env_files
from kubelet.pods.documents import Document, namespace_of
from kubelet.pods.expansion import expand

log = logging.getLogger(__name__)

CONFIG_MAP, SECRET = "configmap", "secret"
Key = tuple[str, str]
"""(``configmap`` or ``secret``, name)."""


class ConfigError(Exception):
    """Why a container can't be configured, in upstream's words: its waiting message."""


def referenced(container: Document) -> Iterator[Key]:
    """The objects that the environment is made of."""
    for source in container.get("envFrom") or ():
        if "configMapRef" in source:
            yield CONFIG_MAP, source["configMapRef"].get("name", "")
        elif "secretRef" in source:
            yield SECRET, source["secretRef"].get("name", "")
    for entry in container.get("env") or ():
        given = entry.get("valueFrom") or {}
        if "configMapKeyRef" in given:
            yield CONFIG_MAP, given["configMapKeyRef"].get("name", "")
        elif "secretKeyRef" in given:
            yield SECRET, given["secretKeyRef"].get("name", "")


def environment(
    pod: Document,
    container: Document,
    *,
    objects: Mapping[Key, Document | None],
    services: Mapping[str, str],
    facts: downward.Facts,
    read: Callable[[str, str], str] | None = None,
) -> list[tuple[str, str]]:
    """In the order of declaration, then the services'. ``objects``: None where there is no such object. ``read`` gives
    the text of (volume, path) and raises OSError. Raises ConfigError."""
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found.update(_from_whole(source, objects))
    for entry in container.get("env") or ():
        value = entry.get("value") or ""
        if value:
            found[entry["name"]] = expand(value, found, services)
        elif (given := entry.get("valueFrom")) and "fileKeyRef" in given:
            if chosen := _from_file(given["fileKeyRef"], read):
                found[entry["name"]] = chosen
        elif given:
            chosen = _from_source(pod, container, given, objects, facts)
            if chosen is not None:
                found[entry["name"]] = chosen
        else:
            found[entry["name"]] = ""
    return [*found.items(), *((k, v) for k, v in services.items() if k not in found)]


def service_variables(services: Iterable[Document], namespace: str, *, links: bool) -> dict[str, str]:
    """Those of the namespace when it wants ``links``, and always the API server's."""
    chosen: dict[str, Document] = {}
    for service in services:
        meta = service["metadata"]
        if service["spec"].get("clusterIP") in (None, "", "None"):
            continue
        if meta["namespace"] == "default" and meta["name"] == "kubernetes":
            chosen.setdefault("kubernetes", service)
        elif meta["namespace"] == namespace and links:
            chosen[meta["name"]] = service
    found: dict[str, str] = {}
    for service in chosen.values():
        found.update(_of_service(service))
    return found


def data_of(kind: str, document: Document) -> dict[str, bytes]:
    """Every key of a ConfigMap or Secret as bytes."""
    if kind == SECRET:
        return {k: base64.b64decode(v or "") for k, v in (document.get("data") or {}).items()}
    found = {k: v.encode() for k, v in (document.get("data") or {}).items()}
    found.update((k, base64.b64decode(v or "")) for k, v in (document.get("binaryData") or {}).items())
    return found


def _from_whole(source: Document, objects: Mapping[Key, Document | None]) -> dict[str, str]:
    kind, ref = (CONFIG_MAP, source.get("configMapRef")) if "configMapRef" in source else (SECRET, source["secretRef"])
    assert ref is not None
    document = objects.get((kind, ref.get("name", "")))
    if document is None:
        if ref.get("optional"):
            return {}
        raise ConfigError(f'{kind} "{ref.get("name", "")}" not found')
    prefix = source.get("prefix") or ""
    return {prefix + k: v for k, v in _texts(kind, document).items()}


def _from_source(
    pod: Document, container: Document, given: Document, objects: Mapping[Key, Document | None], facts: downward.Facts
) -> str | None:
    try:
        if "fieldRef" in given:
            return downward.field_value(pod, given["fieldRef"]["fieldPath"], facts)
        if "resourceFieldRef" in given:
            return downward.resource_value(pod, container, given["resourceFieldRef"], facts)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if "configMapKeyRef" in given:
        return _from_key(pod, CONFIG_MAP, "ConfigMap", given["configMapKeyRef"], objects)
    if "secretKeyRef" in given:
        return _from_key(pod, SECRET, "Secret", given["secretKeyRef"], objects)
    raise ConfigError(f"environment source {', '.join(given)} is not supported")


def _from_file(ref: Document, read: Callable[[str, str], str] | None) -> str:
    """ "" where it isn't there and needn't be."""
    volume, path, key = ref["volumeName"], ref["path"], ref["key"]
    try:
        if read is None:
            raise FileNotFoundError(path)
        found = env_files.parse(read(volume, path), key)
    except LookupError as error:
        raise ConfigError(f'cannot find the volume "{volume}" referenced by FileKeyRef') from error
    except (OSError, ValueError, env_files.BadEnvFile) as error:
        log.info("file %s of volume %s: %s", path, volume, error)
        raise ConfigError("couldn't parse env file") from error
    if not found and not ref.get("optional"):
        raise ConfigError(f'environment variable key "{key}" not found in file "{path}"')
    return found


def _from_key(
    pod: Document, kind: str, shown: str, ref: Document, objects: Mapping[Key, Document | None]
) -> str | None:
    name, key = ref.get("name", ""), ref["key"]
    document = objects.get((kind, name))
    if document is None:
        if ref.get("optional"):
            return None
        raise ConfigError(f'{kind} "{name}" not found')
    texts = _texts(kind, document)
    if key in texts:
        return texts[key]
    if ref.get("optional"):
        return None
    raise ConfigError(f"couldn't find key {key} in {shown} {namespace_of(pod)}/{name}")


def _texts(kind: str, document: Document) -> dict[str, str]:
    if kind == CONFIG_MAP:
        return document.get("data") or {}
    # An environment is bytes: what isn't UTF-8 passes through unharmed.
    return {k: v.decode("utf-8", "surrogateescape") for k, v in data_of(kind, document).items()}


def _of_service(service: Document) -> Iterator[tuple[str, str]]:
    name, spec = service["metadata"]["name"].upper().replace("-", "_"), service["spec"]
    address, ports = spec["clusterIP"], spec.get("ports") or []
    if not ports:
        return
    yield f"{name}_SERVICE_HOST", address
    yield f"{name}_SERVICE_PORT", str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            yield f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}", str(port["port"])
    host = f"[{address}]" if ":" in address else address
    for index, port in enumerate(ports):
        protocol = (port.get("protocol") or "TCP").lower()
        url = f"{protocol}://{host}:{port['port']}"
        if index == 0:
            yield f"{name}_PORT", url
        prefix = f"{name}_PORT_{port['port']}_{protocol.upper()}"
        yield prefix, url
        yield f"{prefix}_PROTO", protocol
        yield f"{prefix}_PORT", str(port["port"])
        yield f"{prefix}_ADDR", address

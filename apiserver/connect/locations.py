"""Where a connect request goes: pure functions of objects. Rules and wording: pkg/registry/core/pod/strategy.go."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlencode

from apimachinery.errors import BadRequest, InternalError, Invalid, ServiceUnavailable
from apimachinery.fielderrors import FieldError, forbidden, invalid, not_supported
from apimachinery.kinds.kind import Document
from apiserver.routes.query import Query

KUBELET_PORT = 10250
_ADDRESS_TYPES = ("InternalIP", "ExternalIP", "Hostname")
_STREAM_FLAGS = (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty"))
_LOG_STREAMS = ("All", "Stderr", "Stdout")


class Kubelet(NamedTuple):
    host: str
    port: int


class Name(NamedTuple):
    """``scheme:name:port`` of a proxied object; scheme and port may be empty."""

    scheme: str
    name: str
    port: str


def kubelet_of(node: Document) -> Kubelet:
    """Raises InternalError for a node without an address."""
    status = node.get("status") or {}
    addresses = status.get("addresses") or []
    port = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint", {}).get("Port") or KUBELET_PORT
    for wanted in _ADDRESS_TYPES:
        for address in addresses:
            if address.get("type") == wanted and address.get("address"):
                return Kubelet(address["address"], int(port))
    raise InternalError.of(f"no preferred addresses found; known addresses: {addresses}")


def container_of(pod: Document, wanted: str) -> str:
    """The container that a request means. Raises BadRequest."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    if wanted:
        if wanted not in _container_names(spec):
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    containers = spec.get("containers") or []
    if len(containers) == 1:
        return containers[0]["name"]
    if not containers:
        raise BadRequest(f"a container name must be specified for pod {name}")
    listed = " ".join(_container_names(spec))
    raise BadRequest(f"a container name must be specified for pod {name}, choose one of: [{listed}]")


def _container_names(spec: Document) -> list[str]:
    return [c["name"] for f in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(f) or ()]


def node_name_of(pod: Document) -> str:
    """Raises BadRequest for a pod that is on no node yet."""
    node = pod["spec"].get("nodeName") or ""
    if not node:
        raise BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
    return node


def stream_path(pod: Document, verb: str, query: Query) -> str:
    """The kubelet's path for exec or attach."""
    meta = pod["metadata"]
    container = container_of(pod, query.text("container"))
    parameters = [(theirs, "1") for ours, theirs in _STREAM_FLAGS if query.flag(ours)]
    if verb == "exec":
        parameters += [("command", part) for part in query.all("command")]
    return f"/{verb}/{meta['namespace']}/{meta['name']}/{container}?{urlencode(parameters)}"


def port_forward_path(pod: Document, query: Query) -> str:
    meta = pod["metadata"]
    ports = ",".join(query.all("ports"))
    return f"/portForward/{meta['namespace']}/{meta['name']}" + (f"?{urlencode({'port': ports})}" if ports else "")


def log_path(pod: Document, query: Query) -> str:
    """Raises BadRequest or Invalid."""
    meta = pod["metadata"]
    numbers = {name: query.integer(name) for name in ("sinceSeconds", "tailLines", "limitBytes")}
    stream = query.text("stream") or "All"
    problems = list(_log_problems(numbers, query, stream))
    if problems:
        raise Invalid.of("PodLogOptions", meta["name"], problems)
    container = container_of(pod, query.text("container"))
    parameters = {name: "true" for name in ("follow", "previous", "timestamps") if query.flag(name)}
    parameters |= {name: str(value) for name, value in numbers.items() if value is not None}
    if since := query.text("sinceTime"):
        parameters["sinceTime"] = since
    parameters["stream"] = stream
    return f"/containerLogs/{meta['namespace']}/{meta['name']}/{container}?{urlencode(parameters)}"


def _log_problems(numbers: dict[str, int | None], query: Query, stream: str) -> Iterator[FieldError]:
    tail, limit, since = numbers["tailLines"], numbers["limitBytes"], numbers["sinceSeconds"]
    if tail is not None and tail < 0:
        yield invalid("tailLines", tail, "must be greater than or equal to 0")
    if limit is not None and limit < 1:
        yield invalid("limitBytes", limit, "must be greater than 0")
    if since is not None and query.text("sinceTime"):
        yield forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified")
    elif since is not None and since < 1:
        yield invalid("sinceSeconds", since, "must be greater than 0")
    if stream not in _LOG_STREAMS:
        yield not_supported("stream", stream, list(_LOG_STREAMS))
    if stream != "All" and tail is not None:
        yield forbidden("", "`tailLines` and specific `stream` are mutually exclusive for now")


def split_name(text: str, what: str) -> Name:
    """Raises BadRequest. ``what`` is pod, service or node."""
    parts = text.split(":")
    padded = {1: ["", *parts, ""], 2: ["", *parts], 3: parts}.get(len(parts))
    if padded is None or not padded[1] or padded[0] not in ("", "http", "https"):
        raise BadRequest(f'invalid {what} request "{text}"')
    return Name(*padded)


def pod_endpoint(pod: Document, port: str) -> tuple[str, int]:
    """(address, port) of a pod; its first declared port unless one is given. Raises BadRequest."""
    address = next((i.get("ip", "") for i in (pod.get("status") or {}).get("podIPs") or ()), "")
    if not address or not _unicast(address):
        raise BadRequest("address not allowed")
    if not port:
        declared = (p["containerPort"] for c in pod["spec"].get("containers") or () for p in c.get("ports") or ())
        return address, next(declared, 80)
    return address, _port_number(port, pod)


def _port_number(port: str, pod: Document) -> int:
    if port.isdigit() and 0 < int(port) < 65536:
        return int(port)
    raise BadRequest(f'invalid pod request "{pod["metadata"]["name"]}:{port}"')


def _unicast(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def service_port_name(service: Document, port: str) -> str:
    """The name under which endpoints know a service port that was given by number. Raises ServiceUnavailable."""
    for each in service["spec"].get("ports") or ():
        if each["port"] == int(port):
            return each.get("name") or ""
    name = service["metadata"]["name"]
    raise ServiceUnavailable(f'no service port {port} found for service "{name}"')


def service_endpoints(slices: list[Document], port_name: str) -> list[tuple[str, int]]:
    """The ready addresses behind a service's port."""
    found = []
    for each in slices:
        numbers = [p["port"] for p in each.get("ports") or () if (p.get("name") or "") == port_name and p.get("port")]
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                found += [(address, number) for address in endpoint["addresses"][:1] for number in numbers]
    return found


def behind(raw_path: str, path: str, count: int) -> tuple[str, str | None]:
    """(the first ``count`` parts of a path as it came, what stands behind them; None where not even a slash does).

    ``path`` is the same decoded, by which the request was authorized. Raises BadRequest where the two differ in these
    parts: a slash that was escaped.
    """
    lead = len(raw_path) - len(raw_path.lstrip("/"))
    parts = raw_path[lead:].split("/", count)
    if unquote("/".join(parts[:count])) != "/".join(path.strip("/").split("/")[:count]):
        raise BadRequest(f"the path {raw_path} escapes what separates its parts")
    return raw_path[:lead] + "/".join(parts[:count]), parts[count] if len(parts) > count else None

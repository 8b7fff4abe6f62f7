"""Where webhooks are: URLs and services."""

from __future__ import annotations

from urllib.parse import urlsplit

from apimachinery import names
from apimachinery.fielderrors import invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
)


def client_config(path: str, config: Document) -> Errors:
    """Where a webhook is: exactly one of a URL and a Service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None:
        return _url(f"{path}.url", url)
    where = f"{path}.service"
    errors = [required(f"{where}.{field}") for field in ("name", "namespace") if not (service or {}).get(field)]
    errors += service_port(f"{where}.port", service or {})
    return errors + _service_path(f"{where}.path", (service or {}).get("path") or "")


def _url(path: str, text: str) -> Errors:
    form = "; desired format: https://host[/path]"
    try:
        url = urlsplit(text)
    except ValueError as problem:
        return [required(path, f"url must be a valid URL: {problem}{form}")]
    errors: Errors = []
    if url.scheme != "https":
        errors.append(invalid(path, url.scheme, f"'https' is the only allowed URL scheme{form}"))
    if not url.hostname:
        errors.append(invalid(path, url.netloc, f"host must be specified{form}"))
    if url.username is not None:
        errors.append(invalid(path, url.username, "user information is not permitted in the URL"))
    if url.fragment:
        errors.append(invalid(path, url.fragment, "fragments are not permitted in the URL"))
    if url.query:
        errors.append(invalid(path, url.query, "query parameters are not permitted in the URL"))
    return errors


def _service_path(path: str, target: str) -> Errors:
    if target in ("", "/"):
        return []
    if target == "//":
        return [invalid(path, target, "segment[0] may not be empty")]
    errors = [] if target.startswith("/") else [invalid(path, target, "must start with a '/'")]
    for index, step in enumerate(target[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid(path, target, f"segment[{index}] may not be empty"))
            continue
        errors += [invalid(path, target, f"segment[{index}]: {m}") for m in names.is_dns1123_subdomain(step)]
    return errors


def service_port(path: str, service: Document) -> Errors:
    problems = names.is_port_number(service.get("port") or 0)
    said = f"port is not valid: {', '.join(problems)}"
    return [invalid(path, service.get("port") or 0, said)] if problems else []

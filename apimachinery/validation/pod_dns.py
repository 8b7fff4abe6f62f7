"""Names and DNS of pods."""

from __future__ import annotations

import re

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required, too_long
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_subdomain,
    named,
    objects,
)

_NAMESERVERS, _SEARCHES, _SEARCH_CHARACTERS = 3, 32, 2048


_HOSTNAME_LIMIT = 64


DNS_NAMES = (
    ("serviceAccountName", names.is_dns1123_subdomain),
    ("nodeName", names.is_dns1123_subdomain),
    ("hostname", names.is_dns1123_label),
    ("subdomain", names.is_dns1123_label),
    ("priorityClassName", names.is_dns1123_subdomain),
    ("runtimeClassName", names.is_dns1123_subdomain),
)


_UNDERSCORED = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"


def host_network(path: str, spec: Document, *, in_pod: bool) -> Errors:
    """On the host's network, the host's port is the container's; in a template it may be unset yet."""
    errors: Errors = []
    if not spec.get("hostNetwork"):
        return errors
    for index, container in enumerate(objects(spec, "containers")):
        for number, port in enumerate(objects(container, "ports")):
            host, own = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (in_pod or host) and host != own:
                detail = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid(f"{path}.containers[{index}].ports[{number}].hostPort", host, detail))
    return errors


def dns_config(path: str, config: Document | None, policy: str | None) -> Errors:
    if policy == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", detail)]
    if config is None:
        return []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    errors: Errors = []
    if len(servers) > _NAMESERVERS:
        detail = f"must not have more than {_NAMESERVERS} nameservers"
        errors.append(invalid(f"{path}.nameservers", servers, detail))
    for index, server in enumerate(servers):
        errors += addresses.ip(f"{path}.nameservers[{index}]", server)
    errors += _dns_searches(f"{path}.searches", searches)
    for index, option in enumerate(objects(config, "options")):
        if not option.get("name"):
            errors.append(required(f"{path}.options[{index}]", "must not be empty"))
    return errors


def _dns_searches(path: str, searches: list[str]) -> Errors:
    errors: Errors = []
    if len(searches) > _SEARCHES:
        errors.append(invalid(path, searches, f"must not have more than {_SEARCHES} search paths"))
    if len(" ".join(searches)) > _SEARCH_CHARACTERS:
        said = f"must not have more than {_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        errors.append(invalid(path, searches, said))
    for index, search in enumerate(searches):
        if search != ".":
            errors += named(f"{path}[{index}]", search.removesuffix("."), _underscored_subdomain)
    return errors


def _underscored_subdomain(text: str) -> list[str]:
    """Search paths may have underscores; the message is that of subdomains with another pattern."""
    problems = [] if len(text) <= 253 else ["must be no more than 253 characters"]
    if not re.fullmatch(_UNDERSCORED, text):
        said = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        )
        problems.append(f"{said}'{_UNDERSCORED}')")
    return problems


def hostname_override(path: str, spec: Document) -> Errors:
    name, where = spec.get("hostnameOverride"), f"{path}.hostnameOverride"
    if name is None:
        return []
    errors: Errors = []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden(where, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden(where, "may not be specified when hostNetwork is true"))
    if len(name) > _HOSTNAME_LIMIT:
        errors.append(too_long(where, _HOSTNAME_LIMIT))
    return errors + dns_subdomain(where, name)

"""Variables of containers."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import invalid, required
from apimachinery.validation import downward, files
from apimachinery.validation.basics import Document, Errors, dns_label, named, objects, required_name

_ONE = "may not have more than one field specified at a time"


def variables(path: str, container: Document) -> Errors:
    errors: Errors = []
    for index, variable in enumerate(objects(container, "env")):
        where = f"{path}.env[{index}]"
        errors += required_name(f"{where}.name", variable.get("name"), names.is_env_var_name)
        if variable.get("valueFrom") is not None:
            errors += _source(f"{where}.valueFrom", variable["valueFrom"], variable.get("value") or "")
    for index, source in enumerate(objects(container, "envFrom")):
        errors += _bulk_source(f"{path}.envFrom", index, source)
    return errors


def _source(path: str, source: Document, value: str) -> Errors:
    errors: Errors = []
    given = [key for key in _SOURCES if source.get(key) is not None]
    for key in given:
        errors += _SOURCES[key](f"{path}.{key}", source[key])
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(path, "", f"must specify one of: {listed}"))
    elif value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        errors.append(invalid(path, "", _ONE))
    return errors


def _key(path: str, selector: Document) -> Errors:
    return named(f"{path}.name", selector.get("name") or "", names.is_dns1123_subdomain) + required_name(
        f"{path}.key", selector.get("key"), names.is_config_map_key
    )


def _file_key(path: str, selector: Document) -> Errors:
    volume, target = selector.get("volumeName") or "", selector.get("path") or ""
    errors = required_name(f"{path}.key", selector.get("key"), names.is_env_var_name)
    errors += dns_label(f"{path}.volumeName", volume) if volume else [required(f"{path}.volumeName")]
    return errors + (files.no_backsteps(f"{path}.path", target) if target else [required(f"{path}.path")])


_SOURCES = {
    "fieldRef": lambda path, source: downward.field(path, source, downward.ENV_FIELDS),
    "resourceFieldRef": lambda path, source: downward.resource(path, source, in_volume=False),
    "configMapKeyRef": _key,
    "secretKeyRef": _key,
    "fileKeyRef": _file_key,
}


def _bulk_source(path: str, index: int, source: Document) -> Errors:
    where = f"{path}[{index}]"
    errors: Errors = []
    if source.get("prefix"):
        errors += named(f"{where}.prefix", source["prefix"], names.is_env_var_name)
    given = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
    for key in given:
        name = source[key].get("name") or ""
        errors += required_name(f"{where}.{key}.name", name, _prefix_of_a_name)
    if not given:
        errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        errors.append(invalid(path, "", _ONE))
    return errors


def _prefix_of_a_name(text: str) -> list[str]:
    return names.is_dns1123_subdomain(names.masked(text))

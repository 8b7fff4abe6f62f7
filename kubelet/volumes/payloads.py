"""What files a configMap, secret, downwardAPI or projected volume consists of. Pure. Source: pkg/volume/*."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubelet.pods import documents, downward
from kubelet.pods.documents import Document
from kubelet.pods.env import CONFIG_MAP, SECRET, Key, data_of
from kubelet.volumes.atomic import File, validate_path
from kubelet.volumes.problems import VolumeProblem

Objects = Mapping[Key, Document | None]
DEFAULT_MODE = 0o644
TOKEN_SECONDS = 3600


def referenced(pod: Document) -> Iterator[Key]:
    """The objects that the pod's volumes are made of."""
    for volume in pod["spec"].get("volumes") or ():
        if "configMap" in volume:
            yield CONFIG_MAP, volume["configMap"].get("name", "")
        elif "secret" in volume:
            yield SECRET, volume["secret"].get("secretName", "")
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "configMap" in source:
                yield CONFIG_MAP, source["configMap"].get("name", "")
            elif "secret" in source:
                yield SECRET, source["secret"].get("name", "")


def token_requests(pod: Document, volume: Document) -> list[tuple[str, int]]:
    """(audience, seconds) of each ServiceAccount token in a projected volume."""
    sources = (volume.get("projected") or {}).get("sources") or ()
    return [_request(s["serviceAccountToken"]) for s in sources if "serviceAccountToken" in s]


def payload(
    pod: Document,
    volume: Document,
    *,
    objects: Objects,
    tokens: Mapping[tuple[str, int], str],
    facts: downward.Facts,
) -> dict[str, File]:
    """Raises VolumeProblem naming everything that is missing."""
    if "configMap" in volume:
        source = volume["configMap"]
        return _keys(CONFIG_MAP, source.get("name", ""), source, source, objects)
    if "secret" in volume:
        source = volume["secret"]
        return _keys(SECRET, source.get("secretName", ""), source, source, objects)
    if "downwardAPI" in volume:
        return _downward(pod, volume["downwardAPI"], volume["downwardAPI"], facts)
    return _projected(pod, volume["projected"], objects, tokens, facts)


def _keys(kind: str, name: str, source: Document, modes: Document, objects: Objects) -> dict[str, File]:
    mode = _mode(modes.get("defaultMode"))
    document = objects.get((kind, name))
    if document is None:
        if source.get("optional"):
            return {}
        raise VolumeProblem(f'{kind} "{name}" not found')
    data = data_of(kind, document)
    items = source.get("items")
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    found = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            what = "configmap references non-existent config key" if kind == CONFIG_MAP else (
                "references non-existent secret key"
            )  # fmt: skip
            raise VolumeProblem(f"{what}: {item['key']}")
        found[_path(item["path"])] = File(data[item["key"]], _mode(item.get("mode"), mode))
    return found


def _downward(pod: Document, source: Document, modes: Document, facts: downward.Facts) -> dict[str, File]:
    mode = _mode(modes.get("defaultMode"))
    found, wrong = {}, []
    for item in source.get("items") or ():
        try:
            if "fieldRef" in item:
                text = downward.field_value(pod, item["fieldRef"]["fieldPath"], facts)
            else:
                text = downward.resource_value(pod, None, item["resourceFieldRef"], facts)
        except ValueError as error:
            wrong.append(str(error))
            continue
        found[_path(item["path"])] = File(text.encode(), _mode(item.get("mode"), mode))
    if wrong:
        raise VolumeProblem(_aggregate(wrong))
    return found


def _projected(
    pod: Document, source: Document, objects: Objects, tokens: Mapping[tuple[str, int], str], facts: downward.Facts
) -> dict[str, File]:
    found: dict[str, File] = {}
    wrong: list[str] = []
    for part in source.get("sources") or ():
        try:
            if "configMap" in part:
                found.update(_keys(CONFIG_MAP, part["configMap"].get("name", ""), part["configMap"], source, objects))
            elif "secret" in part:
                found.update(_keys(SECRET, part["secret"].get("name", ""), part["secret"], source, objects))
            elif "downwardAPI" in part:
                found.update(_downward(pod, part["downwardAPI"], source, facts))
            elif "serviceAccountToken" in part:
                token = part["serviceAccountToken"]
                found[_path(token["path"])] = _token_file(pod, source, tokens[_request(token)])
            else:
                raise VolumeProblem(f"projected source {', '.join(part) or 'without a type'} is not supported")
        except VolumeProblem as problem:
            wrong.append(str(problem))
    if wrong:
        raise VolumeProblem(_aggregate(wrong))
    return found


def _token_file(pod: Document, source: Document, token: str) -> File:
    """Only the one user that all containers run as, or the fsGroup, may read a token."""
    user, group = only_user(pod), (pod["spec"].get("securityContext") or {}).get("fsGroup")
    mode = _mode(source.get("defaultMode")) if user is None and group is None else 0o600
    return File(token.encode(), mode, -1 if user is None else user)


def only_user(pod: Document) -> int | None:
    """The uid that every container of the pod runs as, where the pod says so."""
    whole = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    users = {(c.get("securityContext") or {}).get("runAsUser", whole) for c in documents.all_containers(pod)}
    return next(iter(users)) if len(users) == 1 else None


def _request(token: Document) -> tuple[str, int]:
    return token.get("audience") or "", token.get("expirationSeconds") or TOKEN_SECONDS


def _path(path: str) -> str:
    if wrong := validate_path(path):
        raise VolumeProblem(wrong)
    return path


def _mode(mode: Any, default: int = DEFAULT_MODE) -> int:
    return default if mode is None else int(mode)


def _aggregate(words: list[str]) -> str:
    words = list(dict.fromkeys(words))
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"

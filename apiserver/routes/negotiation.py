"""What a client accepts, and in which form (k8s.io/apiserver/pkg/endpoints/handlers/negotiation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from apimachinery.errors import NotAcceptable, UnsupportedMediaType

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTED = (JSON, YAML)
"""What is written."""
_READ = (JSON, YAML, PROTOBUF)
META_GROUP = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")
_META_KINDS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_MOST_CACHED = 256


class Media(NamedTuple):
    """``kind`` is what to convert to ("" is the object itself), with its ``version`` of meta.k8s.io."""

    type: str = JSON
    kind: str = ""
    version: str = "v1"
    pretty: bool = False


PLAIN = Media()
_cache: dict[bytes, Media | None] = {}


def negotiate(accept: bytes) -> Media:
    """Of an Accept header for an object. Raises NotAcceptable."""
    try:
        found = _cache[accept]
    except KeyError:
        if len(_cache) >= _MOST_CACHED:
            _cache.clear()
        found = _cache[accept] = _choose(accept.decode("latin-1"))
    if found is None:
        raise _not_acceptable()
    return found


def negotiate_plain(accept: bytes) -> Media:
    """Of an Accept header for what cannot be converted, such as a review. Raises NotAcceptable."""
    found = _choose(accept.decode("latin-1"), convertible=False)
    if found is None:
        raise _not_acceptable()
    return found


def _not_acceptable() -> NotAcceptable:
    return NotAcceptable(f"only the following media types are accepted: {', '.join(ACCEPTED)}")


def _choose(accept: str, *, convertible: bool = True) -> Media | None:
    if not accept.strip():
        return PLAIN
    for name, parameters in clauses(accept):
        for offered in ACCEPTED:
            if name in (offered, "application/*", "*/*"):
                media = _converted(offered, parameters)
                if media is not None and (convertible or not media.kind):
                    return media
    return None


def _converted(offered: str, parameters: dict[str, str]) -> Media | None:
    pretty = parameters.get("pretty") == "1"
    if parameters.get("stream", "watch") not in ("", "watch"):
        return None
    if not parameters.keys() & {"as", "g", "v"}:
        return Media(offered, pretty=pretty)
    kind, group, version = (parameters.get(k, "") for k in ("as", "g", "v"))
    if group != META_GROUP or version not in _META_VERSIONS or kind not in _META_KINDS:
        return None
    return Media(offered, kind, version, pretty)


def clauses(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(media type, parameters) of a header's clauses, best quality first, otherwise in their order."""
    found = []
    for clause in accept.split(","):
        name, *pairs = (part.strip() for part in clause.split(";"))
        parameters = dict(_pair(pair) for pair in pairs if pair)
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        found.append((quality, name.lower(), parameters))
    for _, name, parameters in sorted(found, key=lambda each: -each[0]):
        yield name, parameters


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip().lower(), value.strip().strip('"')


def body_type(content_type: bytes) -> str:
    """JSON, YAML or PROTOBUF; JSON where nothing is said. Raises UnsupportedMediaType."""
    if not content_type or content_type == b"application/json":
        return JSON
    name = content_type.decode("latin-1").partition(";")[0].strip().lower()
    if name not in _READ:
        raise unsupported(_READ)
    return name


def unsupported(accepted: tuple[str, ...]) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    )

"""Image references: ``busybox`` means ``docker.io/library/busybox:latest``.

Source: the grammar and normalisation of github.com/distribution/reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubelet.runtime.api import ImageError

DOCKER_HUB = "docker.io"
ALIASES = {"index.docker.io": DOCKER_HUB, "k8s.gcr.io": "registry.k8s.io"}
"""Registries under another name: the second froze in 2023, and all it had is at the first."""
LONGEST = 255
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?")


class InvalidImageName(ImageError):
    reason = "InvalidImageName"


@dataclass(frozen=True, slots=True)
class Reference:
    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """``docker.io/library/busybox``"""
        return f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        """The digest wins over the tag, as it does when the image is looked up."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"


def parse(text: str) -> Reference:
    """Raises InvalidImageName, worded as the kubelet of Kubernetes does."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(text, "invalid reference format")
    name, tag = _split_tag(rest)
    if tag is not None and not _TAG.fullmatch(tag):
        raise _invalid(text, "invalid reference format")
    if _ID.fullmatch(name):
        raise _invalid(text, "cannot specify 64-byte hexadecimal strings")
    domain, path = _split_domain(name)
    if not _DOMAIN.fullmatch(domain) or not _PATH.fullmatch(path):
        lower = path.lower()
        if path != lower and _PATH.fullmatch(lower):
            raise _invalid(text, f"invalid reference format: repository name ({path}) must be lowercase")
        raise _invalid(text, "invalid reference format")
    if len(domain) + 1 + len(path) > LONGEST:
        raise _invalid(text, f"repository name must not be more than {LONGEST} characters")
    if tag is None:
        tag = "" if digest else "latest"
    return Reference(domain, path, tag, digest)


def image_id(text: str) -> str | None:
    """``sha256:<hex>`` when ``text`` is an image's id and not a name."""
    found = _ID.fullmatch(text)
    return f"sha256:{found.group(1)}" if found else None


def is_loopback(domain: str) -> bool:
    """Registries on this very machine may do without TLS, as Docker has it."""
    return bool(_LOOPBACK.fullmatch(domain))


def _split_tag(text: str) -> tuple[str, str | None]:
    head, colon, tail = text.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (text, None)


def _split_domain(name: str) -> tuple[str, str]:
    head, slash, tail = name.partition("/")
    if slash and (any(c in head for c in ".:") or head == "localhost" or head != head.lower()):
        domain, path = ALIASES.get(head, head), tail
    else:
        domain, path = DOCKER_HUB, name
    if domain == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return domain, path


def _invalid(text: str, why: str) -> InvalidImageName:
    return InvalidImageName(f'couldn\'t parse image name "{text}": {why}')

"""skopeo's command lines, and what its complaints mean in the words of Kubernetes' users.

Source of the wording: what containerd answers to the kubelet, since clients and people match on it.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from kubelet.images import references
from kubelet.images.references import Reference
from kubelet.processes import Processes
from kubelet.runtime.api import ImageError

POLICY = Path("/etc/containers/policy.json")
_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')
_NOT_FOUND = ("manifest unknown", "name unknown", "repository name not known", "not found")
_DENIED = ("unauthorized", "authentication required", "access to the resource is denied", "invalid username/password")
_REFUSAL = re.compile(r"(?:unauthorized|denied|authentication required)\b.*", re.DOTALL)
_REJECTED = ("source image rejected", "signature")


class Denied(ImageError):
    """Other credentials may be let in."""


class SignatureRejected(ImageError):
    reason = "SignatureValidationFailed"


@dataclass(frozen=True, slots=True)
class Skopeo:
    processes: Processes
    program: str = "/usr/bin/skopeo"

    async def resolve(self, reference: Reference, auth_file: str | None) -> str:
        """The digest that the registry has for ``reference`` now (of an index where it has one)."""
        done = await self.processes.run(
            [self.program, *self._policy(), "inspect", "--raw", *_access(reference, auth_file, ""), _url(reference)]
        )
        if done.exit_code:
            raise explain(reference, done.complaint)
        return f"sha256:{hashlib.sha256(done.stdout).hexdigest()}"

    async def copy(self, reference: Reference, auth_file: str | None, *, target: str, blobs: str) -> None:
        """This machine's image of ``reference`` into an OCI layout at ``target``, its blobs into ``blobs``; what is
        there already isn't fetched again."""
        access = _access(reference, auth_file, "src-")
        places = [f"--dest-shared-blob-dir={blobs}", "--dest-oci-accept-uncompressed-layers"]
        command = [self.program, *self._policy(), "copy", "--quiet", *access, *places]
        done = await self.processes.run([*command, _url(reference), f"oci:{target}:image"])
        if done.exit_code:
            raise explain(reference, done.complaint)

    def _policy(self) -> list[str]:
        """The administrator's rules on signatures, where there are any."""
        return [] if os.path.exists(POLICY) else ["--insecure-policy"]


def explain(reference: Reference, complaint: str) -> ImageError:
    found = _MESSAGE.findall(complaint)
    text = (found[-1] if found else complaint).replace('\\"', '"').replace("\\\\", "\\").strip()
    lower = text.lower()
    name = str(reference)
    start = f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": '
    if any(words in lower for words in _DENIED):
        why = "pull access denied, repository does not exist or may require authorization: authorization failed: "
        said = _REFUSAL.search(text)
        return Denied(start + why + (said.group(0) if said else _innermost(text)))
    if any(words in lower for words in _NOT_FOUND) and "executable" not in lower:
        return ImageError(f"{start}{name}: not found")
    if any(words in lower for words in _REJECTED):
        return SignatureRejected(start + text)
    return ImageError(f"{start}failed to do request: {_innermost(text)}")


def _innermost(text: str) -> str:
    """Without what skopeo says it was doing: from the request on."""
    place = re.search(r'(Get|Head|Post) "?https?://', text)
    return text[place.start() :] if place else text


def _access(reference: Reference, auth_file: str | None, prefix: str) -> list[str]:
    options = ["--authfile=" + auth_file] if auth_file else []
    if references.is_loopback(reference.domain):
        options.append(f"--{prefix}tls-verify=false")
    return options


def _url(reference: Reference) -> str:
    return f"docker://{reference}"

"""Links of a proxied page, led through the proxy. Source: k8s.io/apimachinery/pkg/util/proxy/transport.go.

Only the attributes of tags that hold URLs are touched, and of those only the ones that begin at the backend's root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_HOLDS_URLS: dict[bytes, frozenset[bytes]] = {
    tag.encode(): frozenset(names.encode().split())
    for tag, names in {
        "a": "href", "applet": "codebase", "area": "href", "audio": "src", "base": "href", "blockquote": "cite",
        "body": "background", "button": "formaction", "command": "icon", "del": "cite", "embed": "src",
        "form": "action", "frame": "longdesc src", "head": "profile", "html": "manifest", "iframe": "longdesc src",
        "img": "longdesc src usemap", "input": "src usemap formaction", "ins": "cite", "link": "href",
        "object": "classid codebase data usemap", "q": "cite", "script": "src", "source": "src", "video": "poster src",
    }.items()
}  # fmt: skip
_TAG = re.compile(rb"""<([a-zA-Z]+)(?=[\s/])((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_ATTRIBUTE = re.compile(rb"""([\s"'/])([a-zA-Z-]+)(\s*=\s*)(["']?)(/[^/\s"'>][^\s"'>]*|/(?=[\s"'>]|$))""")
_MOST_HELD = 64 * 1024
"""Bytes of a tag that has not ended: what is longer is none."""


def rewriter_of(headers: Iterable[tuple[bytes, bytes]], prefix: str) -> Rewriter | None:
    """None for what is no page, or is compressed all the same."""
    found = dict(headers)
    is_page = found.get(b"content-type", b"").partition(b";")[0].strip() == b"text/html"
    if not (prefix and is_page and found.get(b"content-encoding", b"identity") == b"identity"):
        return None
    return Rewriter(prefix)


class Rewriter:
    """``feed`` gives what of the page can go on, ``end`` the rest."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        page = self._held + chunk
        # A tag may go on in the next chunk.
        begun = page.rfind(b"<")
        cut = begun if begun >= 0 and page.find(b">", begun) < 0 and len(page) - begun < _MOST_HELD else len(page)
        self._held = page[cut:]
        return _TAG.sub(self._tag, page[:cut])

    def end(self) -> bytes:
        rest, self._held = self._held, b""
        return rest

    def _tag(self, found: re.Match[bytes]) -> bytes:
        names = _HOLDS_URLS.get(found[1].lower())
        if names is None:
            return found[0]

        def attribute(one: re.Match[bytes]) -> bytes:
            if one[2].lower() not in names or one[5].startswith(self._prefix):
                return one[0]
            return b"".join((one[1], one[2], one[3], one[4], self._prefix, one[5]))

        return b"<" + found[1] + _ATTRIBUTE.sub(attribute, found[2]) + b">"

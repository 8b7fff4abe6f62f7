"""Links of proxied pages."""

from __future__ import annotations

import pytest

from apiserver.connect.rewriting import Rewriter, rewriter_of

PREFIX = "/api/v1/namespaces/default/pods/web/proxy"

TABLE = [
    (b'<a href="/next">on</a>', b'<a href="%s/next">on</a>'),
    (b"<img alt='/x' src='/logo.png'/>", b"<img alt='/x' src='%s/logo.png'/>"),
    (b"<A HREF=/next>on</A>", b"<A HREF=%s/next>on</A>"),
    (b'<a href="/">home</a>', b'<a href="%s/">home</a>'),
    (b'<a href="relative">', b'<a href="relative">'),
    (b'<a href="//elsewhere/x">', b'<a href="//elsewhere/x">'),
    (b'<a href="https://elsewhere/x">', b'<a href="https://elsewhere/x">'),
    (b'<p title="/next">a < b</p>', b'<p title="/next">a < b</p>'),
    (b'href="/next"', b'href="/next"'),
]


def page(text: bytes, size: int) -> bytes:
    rewriter = Rewriter(PREFIX)
    parts = [rewriter.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return b"".join([*parts, rewriter.end()])


@pytest.mark.parametrize(("text", "wanted"), TABLE)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_links_to_the_root_go_through_the_proxy(text: bytes, wanted: bytes, size: int) -> None:
    assert page(text, size) == wanted.replace(b"%s", PREFIX.encode())


def test_what_is_led_through_already_stays() -> None:
    text = f'<a href="{PREFIX}/next">'.encode()
    assert page(text, 100) == text


def test_only_plain_pages_are_rewritten() -> None:
    html, zipped = (b"content-type", b"text/html; charset=utf-8"), (b"content-encoding", b"gzip")
    assert rewriter_of([html], PREFIX) is not None
    assert rewriter_of([html], "") is None
    assert rewriter_of([html, zipped], PREFIX) is None
    assert rewriter_of([(b"content-type", b"application/json")], PREFIX) is None

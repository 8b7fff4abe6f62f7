from __future__ import annotations

import pytest

from kubelet.images import references
from kubelet.images.references import InvalidImageName

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.35", "docker.io/library/busybox:1.35"),
        ("relistan/lazyraster:demo", "docker.io/relistan/lazyraster:demo"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/a/b:1", "docker.io/a/b:1"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a:1", "localhost:5000/a:1"),
        ("127.0.0.1:5000/team/a", "127.0.0.1:5000/team/a:latest"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        ("registry.example.com/a/b/c:v1.2_3-x", "registry.example.com/a/b/c:v1.2_3-x"),
        ("k8s.gcr.io/echoserver:1.4", "registry.k8s.io/echoserver:1.4"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (f"busybox:1.35@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        ("a__b/c-d.e:T", "docker.io/a__b/c-d.e:T"),
    ],
)
def test_a_name_is_made_whole(text: str, whole: str):
    assert str(references.parse(text)) == whole


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid reference format"),
        ("Busybox", r"repository name \(library/Busybox\) must be lowercase"),
        ("a b", "invalid reference format"),
        ("a:", "invalid reference format"),
        ("a:" + "x" * 129, "invalid reference format"),
        ("a@sha256:12", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a/../b", "invalid reference format"),
        ("f" * 64, "cannot specify 64-byte hexadecimal strings"),
        ("a/" + "b" * 255, "must not be more than 255 characters"),
        ("http://a/b", "invalid reference format"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(text: str, why: str):
    with pytest.raises(InvalidImageName, match=why) as raised:
        references.parse(text)
    assert raised.value.reason == "InvalidImageName"


def test_ids_are_told_from_names():
    assert references.image_id("a" * 64) == references.image_id(DIGEST) == DIGEST
    assert references.image_id("busybox") is None


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000"])
def test_registries_on_this_machine_may_do_without_tls(host: str):
    assert references.is_loopback(host)


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "10.0.0.1:5000", "127.0.0.1.example.com"])
def test_other_registries_may_not(host: str):
    assert not references.is_loopback(host)

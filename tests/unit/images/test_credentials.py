from __future__ import annotations

import base64
import json

import pytest

from kubelet.images import credentials, references
from kubelet.runtime.api import RegistryCredentials


def names(reference: str, *registries: str) -> list[str]:
    known = [RegistryCredentials("u", "p", registry=r) for r in registries]
    return [c.registry for c in credentials.matching(references.parse(reference), known)]


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("busybox", "https://index.docker.io/v1/"),
        ("busybox", "docker.io"),
        ("a.example.com/x", "*.example.com"),
        ("a.example.com:5000/x", "a.example.com:5000"),
        ("a.example.com/team/x", "a.example.com/team"),
        ("a.example.com/x", "http://a.example.com/v2/"),
        ("a.example.com/x", ""),
    ],
)
def test_credentials_fit_their_registry(reference: str, registry: str):
    assert names(reference, registry) == [registry]


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("a.example.com/x", "example.com"),
        ("b.a.example.com/x", "*.example.com"),
        ("a.example.com/teams/x", "a.example.com/team"),
        ("a.example.com:5000/x", "a.example.com"),
        ("busybox", "quay.io"),
    ],
)
def test_credentials_of_another_registry_do_not(reference: str, registry: str):
    assert names(reference, registry) == []


def test_the_longest_match_is_tried_first():
    assert names("a.io/team/x", "a.io", "a.io/team", "") == ["a.io/team", "a.io", ""]


def test_a_docker_config_is_read_in_both_its_forms():
    auth = base64.b64encode(b"user:pass:word").decode()
    auths = {"a.io": {"auth": auth}, "b.io": {"username": "u", "password": "p"}, "c.io": {}, "d.io": {"auth": "%"}}
    expected = (RegistryCredentials("user", "pass:word", "", "a.io"), RegistryCredentials("u", "p", "", "b.io"))
    assert credentials.from_docker_config({"auths": auths}) == expected
    assert credentials.from_docker_config(auths) == expected


def test_the_file_for_skopeo_names_the_images_registry():
    data = credentials.auth_file(references.parse("a.io/x"), RegistryCredentials("u", "p", "token"))
    assert json.loads(data) == {"auths": {"a.io": {"identitytoken": "token", "auth": "dTpw"}}}
    assert (
        "https://index.docker.io/v1/"
        in json.loads(credentials.auth_file(references.parse("x"), RegistryCredentials("u", "p")))["auths"]
    )

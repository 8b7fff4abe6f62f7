from __future__ import annotations

import json

from kubelet.images import credentials, references
from kubelet.runtime.api import RegistryCredentials


def test_the_file_for_skopeo_names_the_images_registry():
    data = credentials.auth_file(references.parse("a.io/x"), RegistryCredentials("u", "p", "token"))
    assert json.loads(data) == {"auths": {"a.io": {"identitytoken": "token", "auth": "dTpw"}}}


def test_docker_hub_goes_by_its_old_name():
    data = credentials.auth_file(references.parse("x"), RegistryCredentials("u", "p"))
    assert json.loads(data) == {"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}

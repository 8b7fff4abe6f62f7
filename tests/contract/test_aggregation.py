"""APIServices: of what this server answers, and of a server behind it. The latter only with a server of our own."""

from __future__ import annotations

import base64
import datetime
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knarr import pki
from tests.contract.test_connect import all_of, upgraded
from tests.contract.test_discovery import AGGREGATED
from tests.support.contract import TABLE, Client, Server, started
from tests.support.definitions import DEFINITIONS, definition, eventually, version
from tests.support.kubelet import Answer, FakeKubelet, counts_body, says, shouts, trickles

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
GROUP = "boats.example.com"
NAME, BASE = f"v1.{GROUP}", f"/apis/{GROUP}/v1"
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/v1",
    "resources": [
        {"name": "boats", "singularName": "boat", "namespaced": True, "kind": "Boat", "verbs": ["get", "list"]},
        {"name": "boats/status", "singularName": "", "namespaced": True, "kind": "Boat", "verbs": ["get"]},
    ],
}
OPENAPI_V2 = {
    "swagger": "2.0",
    "paths": {f"{BASE}/boats": {"get": {"$ref": "#/definitions/com.example.Boat"}}, "/version/": {}},
    "definitions": {"com.example.Boat": {"type": "object"}},
}


class Extension:
    """A server behind the API server. ``healthy`` is whether it tells what it has, ``bundle`` the authority that it is
    of, ``stranger`` another one."""

    def __init__(self, folder: Path, authorities: Path) -> None:
        name = "extension.default.svc"
        leaf = pki.Leaf("extension", "extension", names=(name,), client=False, server=True)
        pki.ensure(folder, (leaf,), now=datetime.datetime.now(datetime.UTC))
        self.bundle = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
        self.stranger = base64.b64encode((authorities / "ca.crt").read_bytes()).decode()
        (folder / "clients.crt").write_bytes((authorities / "front-proxy-ca.crt").read_bytes())
        answers: dict[str, Answer] = {"apis": self._apis, "openapi": self._openapi}
        self.server = FakeKubelet(folder, answers, pair="extension", client_ca="clients")
        self.healthy = True

    def _apis(self, connection: ssl.SSLSocket, head: bytes, rest: bytes) -> None:
        path = head.split()[1].decode().partition("?")[0]
        if path == BASE:
            found = says(json.dumps(RESOURCES), content_type="application/json")
            (found if self.healthy else says("no", "500 Internal Server Error"))(connection, head, rest)
            return
        endings = {"watched": trickles, "shell": shouts, "count": counts_body,
                   "moved": says("", "302 Found\r\nLocation: https://evil.example.com/")}  # fmt: skip
        endings.get(path.split("/")[-1], says("hi"))(connection, head, rest)

    def _openapi(self, connection: ssl.SSLSocket, head: bytes, rest: bytes) -> None:
        path = head.split()[1].decode()
        url = f"/openapi/v3{BASE}?hash=1"
        index = {
            "paths": {BASE[1:]: {"serverRelativeURL": url}, "version": {"serverRelativeURL": "/openapi/v3/version"}}
        }
        documents = {"/openapi/v3": index, "/openapi/v2": OPENAPI_V2, url: {"openapi": "3.0.0", "mine": True}}
        says(json.dumps(documents[path]), content_type="application/json")(connection, head, rest)

    def asked(self, path: str) -> str:
        """The head of the last request for a path, in lower case."""
        return next(h for h in reversed(self.server.heads) if h.split()[1].startswith(path)).lower()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Extension]]:
    folder = tmp_path_factory.mktemp("aggregation")
    with started(folder) as server:
        extension = Extension(folder / "extension", folder / "pki")
        make_service(server.admin)
        server.admin.ok("POST", SERVICES, api_service(extension))
        eventually(lambda: available(server.admin) == ("True", "Passed"), "the extension is not available")
        yield server, extension
        extension.server.close()


@pytest.fixture
def admin(place: tuple[Server, Extension]) -> Client:
    return place[0].admin


@pytest.fixture
def extension(place: tuple[Server, Extension]) -> Extension:
    return place[1]


def make_service(admin: Client, name: str = "extension") -> None:
    """Endpoints must not be loopback addresses; the name of loopback is one that everybody knows."""
    spec = {"type": "ExternalName", "externalName": "localhost"}
    admin.ok("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": name}, "spec": spec})


def api_service(extension: Extension, group: str = GROUP, **spec: Any) -> dict[str, Any]:
    service = {"namespace": "default", "name": "extension", "port": extension.server.port}
    common = {"group": group, "version": "v1", "groupPriorityMinimum": 2000, "versionPriority": 20}
    if "insecureSkipTLSVerify" not in spec:
        common["caBundle"] = extension.bundle
    return {"metadata": {"name": f"v1.{group}"}, "spec": {**common, "service": service, **spec}}


def condition(admin: Client, name: str = NAME) -> dict[str, str]:
    conditions = admin.ok("GET", f"{SERVICES}/{name}")["status"].get("conditions") or [{}]
    return conditions[0]


def available(admin: Client, name: str = NAME) -> tuple[str, str]:
    found = condition(admin, name)
    return found.get("status", ""), found.get("reason", "")


def test_what_this_server_answers_is_registered(admin: Client) -> None:
    found = {s["metadata"]["name"]: s for s in admin.ok("GET", SERVICES)["items"]}
    assert {"v1.", "v1.apps", "v2.autoscaling"} <= found.keys() and "v1.apiregistration.k8s.io" not in found
    assert found["v1.apps"]["metadata"]["labels"] == {MANAGED: "onstart"}
    assert found["v1.apps"]["status"]["conditions"][0]["reason"] == "Local"


def test_api_services_are_shown_with_who_answers(admin: Client) -> None:
    found = admin.ok("GET", SERVICES, accept=TABLE)
    assert [c["name"] for c in found["columnDefinitions"]] == ["Name", "Service", "Available", "Age"]
    rows = {row["cells"][0]: row["cells"][1:3] for row in found["rows"]}
    assert rows["v1.apps"] == ["Local", "True"] and rows[NAME] == ["default/extension", "True"]


def test_custom_resources_bring_their_api_services_and_take_them_away(admin: Client) -> None:
    made = admin.ok("POST", DEFINITIONS, definition(version()))
    name = f"v1.{made['spec']['group']}"
    eventually(lambda: admin.call("GET", f"{SERVICES}/{name}").code == 200, "no APIService came")
    found = admin.ok("GET", f"{SERVICES}/{name}")
    assert found["metadata"]["labels"] == {MANAGED: "true"}
    assert (found["spec"]["groupPriorityMinimum"], found["spec"]["versionPriority"]) == (1000, 100)
    uid = found["metadata"]["uid"]
    admin.ok("DELETE", f"{SERVICES}/{name}")
    eventually(
        lambda: admin.call("GET", f"{SERVICES}/{name}").json.get("metadata", {}).get("uid", uid) != uid,
        "the APIService did not come back",
    )
    admin.ok("DELETE", f"{DEFINITIONS}/{made['metadata']['name']}")
    eventually(lambda: admin.call("GET", f"{SERVICES}/{name}").code == 404, "the APIService stays")


def test_servers_are_told_whom_they_may_believe(admin: Client) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
    data = admin.ok("GET", path)["data"]
    assert data["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert data["requestheader-client-ca-file"] != data["client-ca-file"]


def test_the_groups_of_others_are_told_like_ones_own(admin: Client) -> None:
    groups = [g["name"] for g in admin.ok("GET", "/apis")["groups"]]
    assert groups[0] == "apiregistration.k8s.io" and groups[-1] == GROUP
    assert admin.ok("GET", f"/apis/{GROUP}")["preferredVersion"]["groupVersion"] == f"{GROUP}/v1"
    assert admin.ok("GET", BASE) == RESOURCES
    items = admin.ok("GET", "/apis", accept=AGGREGATED)["items"]
    found = next(i for i in items if i["metadata"]["name"] == GROUP)["versions"][0]
    assert (found["freshness"], found["resources"][0]["resource"]) == ("Current", "boats")
    assert found["resources"][0]["subresources"][0]["subresource"] == "status"
    assert BASE in admin.ok("GET", "/")["paths"]


def test_a_request_is_passed_on_as_the_users(admin: Client, extension: Extension) -> None:
    path = f"{BASE}/namespaces/default/boats/a%20b"
    found = admin.call(
        "GET", path, query={"watch": "no"}, authorization="Bearer secret", x_remote_user="root", x_remote_extra_a="b"
    )
    assert (found.code, found.body) == (200, b"hi")
    head = extension.asked(path)
    assert head.startswith(f"get {path}?watch=no http/1.1")
    assert "x-remote-user: kubernetes-admin\r\n" in head and "x-remote-group: system:masters\r\n" in head
    assert "secret" not in head and "root" not in head and "x-remote-extra-a:" not in head


def test_who_acts_as_another_is_told_as_that_one(admin: Client, extension: Extension) -> None:
    admin.call("GET", f"{BASE}/boats/mine", impersonate_user="ann", impersonate_group="system:masters")
    head = extension.asked(f"{BASE}/boats/mine")
    assert "x-remote-user: ann\r\n" in head and "kubernetes-admin" not in head and "impersonate" not in head


def test_who_may_not_is_refused_here(place: tuple[Server, Extension]) -> None:
    server, extension = place
    before = len(extension.server.heads)
    found = server.impersonating("ann").call("GET", f"{BASE}/boats/secret")
    assert (found.code, found.json["reason"]) == (403, "Forbidden")
    assert not any("/boats/secret" in head for head in extension.server.heads[before:])


def test_bodies_and_streams_go_through(admin: Client, extension: Extension) -> None:
    body = b"x" * (4 * 1024 * 1024)
    found = admin.call("POST", f"{BASE}/namespaces/default/boats/b/count", body, content_type="text/plain")
    assert (found.code, found.body) == (200, str(len(body)).encode())
    assert admin.call("GET", f"{BASE}/watched").body == b"one\ntwo\n"


def test_an_upgrade_is_spliced(admin: Client, extension: Extension) -> None:
    head, secure = upgraded(admin, f"{BASE}/namespaces/default/boats/b/shell")
    with secure:
        assert head.startswith(b"HTTP/1.1 101 ")
        secure.sendall(b"words.")
        assert all_of(secure) == b"hello WORDS."
    assert "x-remote-user: kubernetes-admin\r\n" in extension.asked(f"{BASE}/namespaces/default/boats/b/shell")


def test_nobody_is_sent_elsewhere(admin: Client, extension: Extension) -> None:
    found = admin.call("GET", f"{BASE}/moved")
    assert (found.code, "location" in found.headers) == (502, False)
    assert b"attempted to redirect" in found.body


def test_openapi_tells_what_others_have_too(admin: Client, extension: Extension) -> None:
    paths = admin.ok("GET", "/openapi/v3")["paths"]
    assert "apis/apps/v1" in paths and "version" not in paths
    assert admin.ok("GET", paths[BASE[1:]]["serverRelativeURL"]) == {"openapi": "3.0.0", "mine": True}
    found = admin.ok("GET", "/openapi/v2")
    assert f"{BASE}/boats" in found["paths"] and "com.example.Boat" in found["definitions"]
    assert "io.k8s.api.core.v1.Pod" in found["definitions"]


def test_a_server_that_nobody_trusts_is_not_asked(admin: Client, extension: Extension) -> None:
    name = "v1.wrong.example.com"
    admin.ok("POST", SERVICES, api_service(extension, "wrong.example.com", caBundle=extension.stranger))
    try:
        eventually(lambda: available(admin, name) == ("False", "FailedDiscoveryCheck"), "it is believed")
        assert "x509: certificate signed by unknown authority" in condition(admin, name)["message"]
        insecure = {"spec": {"caBundle": None, "insecureSkipTLSVerify": True}}
        admin.ok("PATCH", f"{SERVICES}/{name}", insecure, content_type="application/merge-patch+json")
        eventually(lambda: available(admin, name) == ("True", "Passed"), "it is checked all the same")
    finally:
        admin.ok("DELETE", f"{SERVICES}/{name}")
    assert admin.call("GET", "/apis/wrong.example.com/v1").code == 404


def test_a_server_that_fails_is_told_and_found_again(admin: Client, extension: Extension) -> None:
    extension.healthy = False
    try:
        touch(admin)
        eventually(lambda: available(admin) == ("False", "FailedDiscoveryCheck"), "it counts as available")
        assert condition(admin)["message"].endswith(": 500")
        found = admin.call("GET", f"{BASE}/boats")
        assert (found.code, found.body) == (503, b"service unavailable\n")
        items = admin.ok("GET", "/apis", accept=AGGREGATED)["items"]
        version = next(i for i in items if i["metadata"]["name"] == GROUP)["versions"][0]
        assert version == {"version": "v1", "resources": [], "freshness": "Stale"}
        assert GROUP in [g["name"] for g in admin.ok("GET", "/apis")["groups"]]
    finally:
        extension.healthy = True
    eventually(lambda: available(admin) == ("True", "Passed"), "it is not found again")


def test_a_service_that_goes_takes_the_group_out_of_service(admin: Client, extension: Extension) -> None:
    path = "/api/v1/namespaces/default/services"
    admin.ok("DELETE", f"{path}/extension")
    eventually(lambda: available(admin) == ("False", "ServiceNotFound"), "nobody noticed")
    assert condition(admin)["message"] == 'service/extension in "default" is not present'
    make_service(admin)
    eventually(lambda: available(admin) == ("True", "Passed"), "nobody noticed that it is back")


def test_without_its_api_service_a_group_is_unknown(admin: Client, extension: Extension) -> None:
    admin.ok("DELETE", f"{SERVICES}/{NAME}")
    assert admin.call("GET", f"{BASE}/boats").code == 404
    assert GROUP not in [g["name"] for g in admin.ok("GET", "/apis")["groups"]]
    admin.ok("POST", SERVICES, api_service(extension))
    eventually(lambda: available(admin) == ("True", "Passed"), "it is not found again")


def touch(admin: Client) -> None:
    """A change of the Service makes the server look at once."""
    path = "/api/v1/namespaces/default/services/extension"
    label = {"metadata": {"labels": {"touched": str(datetime.datetime.now().timestamp())}}}
    admin.ok("PATCH", path, label, content_type="application/merge-patch+json")

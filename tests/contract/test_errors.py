"""Every error is a Status, in upstream's words."""

from __future__ import annotations

import pytest

from tests.support.contract import Client, Response

UNKNOWN = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "the server could not find the requested resource",
    "reason": "NotFound",
    "details": {},
    "code": 404,
}


def status_of(found: Response) -> tuple[int, str, str]:
    return found.code, found.json["reason"], found.json["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nope",
        "/apis/nope.example.com/v1/things",
        "/apis/apps/v9",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/pods/a/nope",
    ],
)
def test_a_path_that_nothing_serves_is_not_found(admin: Client, path: str) -> None:
    found = admin.call("GET", path)
    assert (found.code, found.json) == (404, UNKNOWN)


def test_an_object_that_is_not_there_is_named(admin: Client, config_maps: str) -> None:
    found = admin.call("GET", f"{config_maps}/a")
    assert status_of(found) == (404, "NotFound", 'configmaps "a" not found')
    assert found.json["details"] == {"name": "a", "kind": "configmaps"}


def test_a_name_that_is_taken_is_refused(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    found = admin.call("POST", config_maps, {"metadata": {"name": "a"}})
    assert status_of(found) == (409, "AlreadyExists", 'configmaps "a" already exists')


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/namespaces/default/configmaps/a"), ("PUT", "/api/v1/namespaces/default/configmaps"),
     ("DELETE", "/api/v1/namespaces"), ("POST", "/api/v1/configmaps")],
)  # fmt: skip
def test_a_method_that_a_path_has_not_is_refused(admin: Client, method: str, path: str) -> None:
    found = admin.call(method, path, {})
    assert status_of(found)[:2] == (405, "MethodNotAllowed")
    assert found.message == "the server does not allow this method on the requested resource"


def test_a_body_that_is_no_json_is_a_bad_request(admin: Client, config_maps: str) -> None:
    found = admin.call("POST", config_maps, b"{nope", content_type="application/json")
    code, reason, message = status_of(found)
    assert (code, reason) == (400, "BadRequest")
    assert "json parse error" in message


def test_a_body_of_another_version_is_a_bad_request(admin: Client, config_maps: str) -> None:
    found = admin.call("POST", config_maps, {"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    assert found.code == 400


def test_a_body_of_an_unknown_type_is_unsupported(admin: Client, config_maps: str) -> None:
    found = admin.call("POST", config_maps, b"<a/>", content_type="application/xml")
    assert status_of(found)[:2] == (415, "UnsupportedMediaType")
    assert found.message.startswith(
        "the body of the request was in an unknown format - accepted media types include: application/json, "
        "application/yaml"
    )


def test_a_patch_of_an_unknown_type_names_those_there_are(admin: Client, config_maps: str) -> None:
    found = admin.call("PATCH", f"{config_maps}/a", {}, content_type="application/json")
    assert found.code == 415
    assert "application/json-patch+json, application/merge-patch+json" in found.message


def test_an_answer_that_nobody_speaks_is_not_acceptable(admin: Client) -> None:
    found = admin.call("GET", "/api/v1/namespaces/default", accept="text/html")
    assert found.code == 406
    assert found.message.startswith("only the following media types are accepted: application/json, application/yaml")


def test_nothing_is_done_that_the_client_could_not_be_told(admin: Client, config_maps: str) -> None:
    assert admin.call("POST", config_maps, {"metadata": {"name": "a"}}, accept="text/html").code == 406
    assert admin.call("GET", f"{config_maps}/a").code == 404


def test_an_update_under_another_name_is_a_bad_request(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    found = admin.call("PUT", f"{config_maps}/a", {"metadata": {"name": "b"}})
    message = "the name of the object (b) does not match the name on the URL (a)"
    assert status_of(found) == (400, "BadRequest", message)


def test_a_create_for_another_namespace_is_a_bad_request(admin: Client, config_maps: str) -> None:
    found = admin.call("POST", config_maps, {"metadata": {"name": "a", "namespace": "other"}})
    message = "the namespace of the provided object does not match the namespace sent on the request"
    assert status_of(found) == (400, "BadRequest", message)


def test_every_invalid_field_is_told_at_once(admin: Client, pods: str) -> None:
    found = admin.call("POST", pods, {"metadata": {"name": "A_b"}, "spec": {"containers": [{"name": ""}]}})
    assert (found.code, found.json["reason"]) == (422, "Invalid")
    fields = {cause["field"] for cause in found.json["details"]["causes"]}
    assert {"metadata.name", "spec.containers[0].name", "spec.containers[0].image"} <= fields
    assert found.message.startswith('Pod "A_b" is invalid: [metadata.name: Invalid value: "A_b": ')


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dryRun": "Some"}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (
            {"fieldValidation": "x"},
            'fieldValidation: Unsupported value: "x": supported values: "", "Ignore", "Strict", "Warn"',
        ),
    ],
)
def test_invalid_options_of_a_create_are_told(admin: Client, config_maps: str, query: dict, message: str) -> None:
    found = admin.call("POST", config_maps, {"metadata": {"name": "a"}}, query=query)
    assert status_of(found) == (422, "Invalid", f'CreateOptions.meta.k8s.io "" is invalid: {message}')


def test_invalid_options_of_a_list_are_told(admin: Client, config_maps: str) -> None:
    found = admin.call("GET", config_maps, query={"resourceVersionMatch": "Exact"})
    assert found.code == 422
    assert found.message == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden '
        "unless resourceVersion is provided"
    )
    found = admin.call("GET", config_maps, query={"limit": "x"})
    assert status_of(found) == (400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax')


def test_a_selector_that_makes_no_sense_is_a_bad_request(admin: Client, config_maps: str) -> None:
    assert admin.call("GET", config_maps, query={"labelSelector": "a in ("}).code == 400
    found = admin.call("GET", config_maps, query={"fieldSelector": "spec.x=1"})
    why = '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    assert status_of(found) == (400, "BadRequest", why)


def test_unknown_fields_warn_or_are_refused(admin: Client, config_maps: str) -> None:
    body = {"metadata": {"name": "a"}, "nope": 1}
    found = admin.call("POST", config_maps, body, query={"dryRun": "All"})
    assert found.headers["warning"] == '299 - "unknown field \\"nope\\""'
    found = admin.call("POST", config_maps, body, query={"fieldValidation": "Strict"})
    assert status_of(found) == (
        400,
        "BadRequest",
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "nope"',
    )
    found = admin.call("POST", config_maps, body, query={"fieldValidation": "Ignore"})
    assert found.code == 201 and "warning" not in found.headers


def test_fields_given_twice_are_refused_when_strict(admin: Client, config_maps: str) -> None:
    body = b'{"metadata":{"name":"a","name":"a"}}'
    found = admin.call("POST", config_maps, body, query={"fieldValidation": "Strict"}, content_type="application/json")
    assert found.code == 400
    assert 'strict decoding error: duplicate field "metadata.name"' in found.message


def test_a_body_beyond_the_limit_is_refused(admin: Client, config_maps: str) -> None:
    body = {"metadata": {"name": "a"}, "data": {"k": "x" * (3 * 1024 * 1024)}}
    found = admin.call("POST", config_maps, body)
    assert status_of(found)[:2] == (413, "RequestEntityTooLarge")
    assert found.message == "Request entity too large: limit is 3145728"

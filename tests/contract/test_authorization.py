"""Who may do what, and what the others are told."""

from __future__ import annotations

from tests.support.contract import Client, Server


def test_anonymous_gets_no_objects(server: Server) -> None:
    found = server.anonymous.call("GET", "/api/v1/namespaces/default/pods")
    assert (found.code, found.json["reason"]) == (403, "Forbidden")
    assert found.message == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
        'in the namespace "default"'
    )
    assert found.json["details"] == {"kind": "pods"}


def test_a_path_that_is_not_granted_is_named(server: Server) -> None:
    found = server.anonymous.call("GET", "/metrics")
    assert found.message == 'forbidden: User "system:anonymous" cannot get path "/metrics"'
    assert found.json["details"] == {}


def test_a_token_that_does_not_count_is_unauthorized(server: Server) -> None:
    found = server.anonymous.call("GET", "/api/v1/pods", authorization="Bearer nope")
    assert (found.code, found.json["reason"], found.message) == (401, "Unauthorized", "Unauthorized")


def test_a_role_grants_its_namespace_only(server: Server, namespace: str) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    server.admin.ok("POST", f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}]
    binding = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": subjects}
    jane = server.impersonating("jane")
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert jane.call("GET", path).code == 403
    server.admin.ok("POST", f"{rbac}/rolebindings", binding)
    assert jane.call("GET", path).code == 200
    assert jane.call("POST", path, {"metadata": {"name": "a"}}).code == 403
    assert jane.call("GET", "/api/v1/configmaps").code == 403


def test_a_service_account_is_known_by_its_token(server: Server, namespace: str) -> None:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    server.admin.ok("POST", accounts, {"metadata": {"name": "bob"}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = server.admin.ok("POST", f"{accounts}/bob/token", request)["status"]["token"]
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    found = server.anonymous.ok("POST", path, review, authorization=f"Bearer {token}")
    assert found["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:bob"
    server.admin.ok("DELETE", f"{accounts}/bob")
    assert server.anonymous.call("POST", path, review, authorization=f"Bearer {token}").code == 401


def test_unknown_resources_are_hidden_from_who_may_not_see_them(server: Server) -> None:
    assert server.anonymous.call("GET", "/apis/nope.example.com/v1/things").code == 403


def test_running_a_command_takes_the_right_to_create(server: Server, pods: str, namespace: str) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}]
    server.admin.ok("POST", f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}]
    server.admin.ok("POST", f"{rbac}/rolebindings",
                    {"metadata": {"name": "b"}, "roleRef": reference, "subjects": subjects})  # fmt: skip
    client: Client = server.impersonating("reader")
    found = client.call("GET", f"{pods}/a/exec", query={"command": "id"})
    assert found.code == 403
    assert 'cannot create resource "pods/exec"' in found.message


def test_making_an_object_by_put_or_apply_takes_the_right_to_create(server: Server, namespace: str) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": ["", "coordination.k8s.io"], "resources": ["*"], "verbs": ["get", "update", "patch"]}]
    server.admin.ok("POST", f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "editor"}]
    binding = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": subjects}
    server.admin.ok("POST", f"{rbac}/rolebindings", binding)
    editor = server.impersonating("editor")
    services = f"/api/v1/namespaces/{namespace}/services"
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    found = editor.call("PUT", f"{services}/a", service)
    assert (found.code, 'cannot create resource "services"' in found.message) == (403, True)
    query = {"fieldManager": "me"}
    apply_type = "application/apply-patch+yaml"
    found = editor.call("PATCH", f"{services}/a", service, query=query, content_type=apply_type)
    assert (found.code, 'cannot create resource "services"' in found.message) == (403, True)
    server.admin.ok("POST", services, service)
    assert editor.call("PATCH", f"{services}/a", service, query=query, content_type=apply_type).code == 200

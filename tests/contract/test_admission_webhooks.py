"""Webhooks on loopback that a server asks about what is written."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import Client, Response, Server
from tests.support.definitions import served, version
from tests.support.webhook import Webhook, answering

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}
Document = dict[str, Any]
Judge = Callable[[Document], Document]


def reviewed(judge: Judge) -> Judge:
    """``judge`` makes the response of a request, but for its uid."""

    def answer(review: Document) -> Document:
        response = {"uid": review["request"]["uid"], "allowed": True, **judge(review["request"])}
        return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}

    return answer


def patch(*operations: Document) -> Document:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def by_data(request: Document) -> Document:
    """What the webhook of most tests says depends on what is in the ConfigMap."""
    obj = request["object"] or request["oldObject"]
    wanted = (obj.get("data") or {}).get("wants", "")
    answers: dict[str, Document] = {
        "deny": {"allowed": False, "status": {"message": "no", "code": 403, "reason": "Forbidden"}},
        "deny quietly": {"allowed": False},
        "warn": {"warnings": ["beware"]},
        "patch": patch({"op": "add", "path": "/data/added", "value": "yes"}),
        "nonsense": patch({"op": "remove", "path": "/data/none"}),
        "wrong type": patch({"op": "add", "path": "/data", "value": "text"}),
        "other uid": {"uid": "another"},
        "sleep": {},
    }
    if wanted == "sleep":
        time.sleep(1.3)
    return answers.get(wanted, {})


@pytest.fixture
def webhook(server: Server, tmp_path: Path) -> Iterator[Webhook]:
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")
    with answering(reviewed(by_data), tmp_path) as found:
        yield found


@contextmanager
def configured(
    client: Client, namespace: str, webhook: Webhook, sort: str = "validating", name: str = "", **more: Any
) -> Iterator[str]:
    """A configuration that concerns the namespace, in force. Its name."""
    plural, name = f"{sort}webhookconfigurations", name or f"{sort}-{namespace}"
    made = client.call("POST", f"{GROUP}/{plural}", configuration(name, namespace, webhook, **more))
    assert made.code == 201, made.body
    yield name
    client.ok("DELETE", f"{GROUP}/{plural}/{name}")


def configuration(name: str, namespace: str, webhook: Webhook, **more: Any) -> Document:
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"url": webhook.url("/review"), "caBundle": webhook.bundle},
        "rules": [MAPS],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }
    return {"metadata": {"name": name}, "webhooks": [hook]}


def create(client: Client, config_maps: str, wants: str = "", name: str = "m", **query: Any) -> Response:
    body = {"metadata": {"name": name}, "data": {"wants": wants}}
    return client.call("POST", config_maps, body, query=query)


def test_a_denial_has_the_code_and_words_of_the_webhook(
    admin: Client, namespace: str, config_maps: str, webhook: Webhook
) -> None:
    with configured(admin, namespace, webhook):
        denied = create(admin, config_maps, "deny")
        assert (denied.code, denied.json["reason"]) == (403, "Forbidden")
        assert denied.message == 'admission webhook "hook.example.com" denied the request: no'
        quiet = create(admin, config_maps, "deny quietly")
        assert quiet.code == 400
        assert quiet.message == 'admission webhook "hook.example.com" denied the request without explanation'
        assert create(admin, config_maps, "").code == 201
    assert admin.call("GET", f"{config_maps}/m").code == 200


def test_a_review_says_who_wants_what(admin: Client, namespace: str, config_maps: str, webhook: Webhook) -> None:
    with configured(admin, namespace, webhook):
        create(admin, config_maps)
        admin.ok("DELETE", f"{config_maps}/m")
    path, review = webhook.asked[0]
    asked = review["request"]
    assert path == "/review?timeout=10s"
    assert (review["kind"], review["apiVersion"]) == ("AdmissionReview", "admission.k8s.io/v1")
    assert asked["kind"] == asked["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert asked["resource"] == asked["requestResource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (asked["namespace"], asked["name"], asked["operation"], asked["dryRun"]) == (namespace, "m", "CREATE", False)
    assert "system:masters" in asked["userInfo"]["groups"]
    assert (asked["object"]["apiVersion"], asked["object"]["kind"], asked["oldObject"]) == ("v1", "ConfigMap", None)
    assert asked["options"]["kind"] == "CreateOptions"
    deleted = webhook.asked[1][1]["request"]
    assert (deleted["operation"], deleted["object"], deleted["name"]) == ("DELETE", None, "m")
    assert deleted["oldObject"]["metadata"]["name"] == "m"


def test_a_patch_changes_the_object_and_warnings_reach_the_client(
    admin: Client, namespace: str, config_maps: str, webhook: Webhook
) -> None:
    with configured(admin, namespace, webhook, "mutating"):
        assert create(admin, config_maps, "patch").json["data"] == {"wants": "patch", "added": "yes"}
        warned = create(admin, config_maps, "warn", "w")
        assert warned.headers["warning"] == '299 - "beware"'
        for wants in ("nonsense", "wrong type"):
            assert create(admin, config_maps, wants, "n").code == 500


def test_defaults_come_after_patches(admin: Client, namespace: str, pods: str, server: Server, tmp_path: Path) -> None:
    container = {"name": "added", "image": "busybox", "ports": [{"containerPort": 80}]}
    judge = reviewed(lambda request: patch({"op": "add", "path": "/spec/initContainers", "value": [container]}))
    rule = {**MAPS, "resources": ["pods"], "operations": ["CREATE"]}
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")
    with answering(judge, tmp_path) as webhook, configured(admin, namespace, webhook, "mutating", rules=[rule]):
        made = admin.ok(
            "POST", pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        )
    (found,) = made["spec"]["initContainers"]
    assert found["terminationMessagePolicy"] == "File"
    assert found["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_what_is_not_understood_counts_as_a_failure(
    admin: Client, namespace: str, config_maps: str, webhook: Webhook
) -> None:
    with configured(admin, namespace, webhook):
        failed = create(admin, config_maps, "other uid")
    assert failed.code == 500
    start = 'Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: '
    assert failed.message.startswith(start + "expected response.uid=")


def test_a_webhook_that_cannot_be_reached_fails_or_is_ignored(
    admin: Client, namespace: str, config_maps: str, webhook: Webhook
) -> None:
    nowhere = {"url": "https://127.0.0.1:1/x", "caBundle": webhook.bundle}
    with configured(admin, namespace, webhook, clientConfig=nowhere):
        failed = create(admin, config_maps)
        assert failed.code == 500
        start = 'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: Post '
        assert failed.message.startswith(start + '"https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1')
    with configured(admin, namespace, webhook, clientConfig=nowhere, failurePolicy="Ignore"):
        assert create(admin, config_maps).code == 201


def test_a_webhook_has_its_time_and_no_more(admin: Client, namespace: str, config_maps: str, webhook: Webhook) -> None:
    with configured(admin, namespace, webhook, timeoutSeconds=1):
        failed = create(admin, config_maps, "sleep")
        assert (failed.code, failed.message.endswith(": context deadline exceeded")) == (500, True)
    with configured(admin, namespace, webhook, timeoutSeconds=1, failurePolicy="Ignore"):
        assert create(admin, config_maps, "sleep").code == 201


def test_a_dry_run_calls_only_webhooks_without_side_effects(
    admin: Client, namespace: str, config_maps: str, webhook: Webhook
) -> None:
    with configured(admin, namespace, webhook, sideEffects="NoneOnDryRun"):
        assert create(admin, config_maps, dryRun="All").code == 201
        assert webhook.asked[-1][1]["request"]["dryRun"] is True


def test_selectors_and_conditions_narrow_what_is_asked(
    admin: Client, namespace: str, config_maps: str, webhook: Webhook
) -> None:
    conditions = [{"name": "skip", "expression": "object.metadata.name != 'skip-me'"}]
    with configured(admin, namespace, webhook, matchConditions=conditions):
        create(admin, config_maps, "deny", "skip-me")
        assert webhook.asked == []
        assert create(admin, config_maps, "deny").code == 403
    broken = [{"name": "b", "expression": "object.spec.none == 1"}]
    with configured(admin, namespace, webhook, matchConditions=broken):
        failed = create(admin, config_maps)
        assert (failed.code, "no such key: spec" in failed.message) == (403, True)
    labels = {"matchLabels": {"judge": "yes"}}
    with configured(admin, namespace, webhook, objectSelector=labels):
        assert create(admin, config_maps, "deny").code == 201


def test_conditions_that_do_not_compile_are_refused(admin: Client, namespace: str, webhook: Webhook) -> None:
    conditions = [{"name": "bad", "expression": "... [] bad expression"}, {"name": "int", "expression": "1 + 1"}]
    body = configuration("never", namespace, webhook, matchConditions=conditions)
    refused = admin.call("POST", f"{GROUP}/validatingwebhookconfigurations", body)
    assert refused.code == 422
    where = "webhooks[0].matchConditions[0].expression: Invalid value: "
    assert where + '"... [] bad expression": compilation failed: ERROR: <input>:1:' in refused.message
    assert "must evaluate to bool but got int" in refused.message


def test_configurations_themselves_are_never_judged(admin: Client, namespace: str, webhook: Webhook) -> None:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"], "scope": "Cluster"}
    nowhere = {"url": "https://127.0.0.1:1/x", "caBundle": webhook.bundle}
    labels = {"matchLabels": {"of": namespace}}
    with configured(admin, namespace, webhook, rules=[rule], clientConfig=nowhere, objectSelector=labels) as name:
        path = f"{GROUP}/validatingwebhookconfigurations"
        body = configuration(f"{name}-2", namespace, webhook)
        body["metadata"]["labels"] = {"of": namespace}
        admin.ok("POST", path, body)
        admin.ok("DELETE", f"{path}/{name}-2")
        role = {"metadata": {"name": f"{name}-r", "labels": {"of": namespace}}, "rules": []}
        assert admin.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", role).code == 500


def test_one_that_wants_to_is_asked_again_after_later_changes(
    admin: Client, namespace: str, config_maps: str, server: Server, tmp_path: Path
) -> None:
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")

    def count(request: Document) -> Document:
        seen = len(request["object"]["data"])
        return patch({"op": "add", "path": "/data/seen", "value": str(seen)})

    def add(request: Document) -> Document:
        return patch({"op": "add", "path": "/data/later", "value": "x"})

    (tmp_path / "a").mkdir()
    with answering(reviewed(count), tmp_path) as first, answering(reviewed(add), tmp_path / "a") as second:
        again = configured(admin, namespace, first, "mutating", name=f"a-{namespace}", reinvocationPolicy="IfNeeded")
        with again, configured(admin, namespace, second, "mutating", name=f"b-{namespace}"):
            made = create(admin, config_maps).json
    assert made["data"] == {"wants": "", "seen": "3", "later": "x"}
    assert (len(first.asked), len(second.asked)) == (2, 1)


def test_rules_for_one_version_match_another_in_that_version(admin: Client, namespace: str, webhook: Webhook) -> None:
    one, two = version("v1"), version("v2", storage=False)
    with served(admin, namespace, one, two) as widgets:
        rule = {**MAPS, "apiGroups": [widgets.group], "apiVersions": ["v1"], "resources": ["*"]}
        with configured(admin, namespace, webhook, rules=[rule]):
            assert widgets.create("x", {}, "v2").code == 201
        with configured(admin, namespace, webhook, rules=[rule], matchPolicy="Exact"):
            assert widgets.create("y", {}, "v2").code == 201
    (asked,) = (review["request"] for _, review in webhook.asked)
    assert (asked["kind"]["version"], asked["requestKind"]["version"]) == ("v1", "v2")
    assert asked["object"]["apiVersion"] == f"{widgets.group}/v1"


def test_connections_are_judged_by_their_options(
    admin: Client, namespace: str, pods: str, server: Server, tmp_path: Path
) -> None:
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")
    admin.ok("POST", pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}})
    judge = reviewed(lambda request: {"allowed": False, "status": {"message": "no attaching"}})
    rule = {**MAPS, "resources": ["pods/*"], "operations": ["CONNECT"]}
    with answering(judge, tmp_path) as webhook, configured(admin, namespace, webhook, rules=[rule]):
        query = {"command": ["sh", "-c"], "container": "c", "stdin": "true"}
        denied = admin.call("POST", f"{pods}/p/exec", query=query)
    assert denied.message == 'admission webhook "hook.example.com" denied the request: no attaching'
    asked = webhook.asked[0][1]["request"]
    options = {"kind": "PodExecOptions", "apiVersion": "v1", "stdin": True, "container": "c", "command": ["sh", "-c"]}
    assert asked["object"] == options
    assert (asked["operation"], asked["subResource"], asked["kind"]["kind"]) == ("CONNECT", "exec", "PodExecOptions")


def test_scaling_is_judged_as_a_scale(admin: Client, namespace: str, server: Server, tmp_path: Path) -> None:
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    admin.ok("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    judge = reviewed(lambda request: patch({"op": "replace", "path": "/spec/replicas", "value": 3}))
    rule = {**MAPS, "apiGroups": ["apps"], "resources": ["deployments/scale"]}
    with answering(judge, tmp_path) as webhook, configured(admin, namespace, webhook, "mutating", rules=[rule]):
        scaled = admin.ok(
            "PATCH", f"{path}/d/scale", {"spec": {"replicas": 2}}, content_type="application/merge-patch+json"
        )
    asked = webhook.asked[0][1]["request"]
    assert (asked["kind"]["kind"], asked["object"]["spec"], scaled["spec"]) == (
        "Scale",
        {"replicas": 2},
        {"replicas": 3},
    )


def test_an_eviction_is_judged_once_as_a_whole(
    admin: Client, namespace: str, pods: str, server: Server, tmp_path: Path
) -> None:
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")
    admin.ok("POST", pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}})
    rule = {**MAPS, "resources": ["pods", "pods/*"]}
    eviction = {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}}
    with (
        answering(reviewed(lambda request: {}), tmp_path) as webhook,
        configured(admin, namespace, webhook, rules=[rule]),
    ):
        admin.ok("POST", f"{pods}/p/eviction", eviction)
    asked = [(review["request"]["operation"], review["request"]["subResource"]) for _, review in webhook.asked]
    assert asked == [("CREATE", "eviction")]

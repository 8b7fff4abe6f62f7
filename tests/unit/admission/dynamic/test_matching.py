from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import NotFound
from apimachinery.kinds import named
from apimachinery.kinds.kind import Kind
from apiserver.admission.dynamic.attributes import Equivalents, convert
from apiserver.admission.dynamic.matching import criteria
from apiserver.admission.dynamic.sources import Source
from apiserver.context import Operation, UserInfo
from apiserver.kindtable import KindTable
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
PODS, NODES, NAMESPACES = named("pods"), named("nodes"), named("namespaces")
EQUIVALENTS = Equivalents(KindTable())
AUTOSCALERS = {k.version: k for k in KindTable().all() if k.plural == "horizontalpodautoscalers"}
READER = MemoryRegistry(("namespaces", {"metadata": {"name": "ns", "labels": {"env": "test"}}})).reader


def rule(**more: Any) -> Document:
    return {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], **more}


def judge(
    document: Document,
    kind: Kind = PODS,
    verb: str = "CREATE",
    subresource: str = "",
    *,
    labels: Document | None = None,
    old: Document | None = None,
    namespace: str = "ns",
    name: str = "p",
) -> Kind | None:
    """The version in which the object is shown, None where nothing matches."""
    rules = "resourceRules" if "resourceRules" in document or "excludeResourceRules" in document else "rules"
    compiled = criteria(document, rules, "excludeResourceRules" if rules == "resourceRules" else "")
    matches = compiled.possible(verb, kind, subresource, EQUIVALENTS.of(kind))
    if matches is None:
        return None
    new = None if verb == "DELETE" else {"metadata": {"name": name, "labels": labels}}
    where = namespace if kind.namespaced else ""
    return matches.judge(Operation(verb, kind, where, name, subresource, new, old, UserInfo("ann")), READER)


@pytest.mark.parametrize(
    ("given", "matches"),
    [
        ({}, True),
        ({"operations": ["CREATE"]}, True),
        ({"operations": ["UPDATE", "DELETE"]}, False),
        ({"apiGroups": ["apps"]}, False),
        ({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}, True),
        ({"apiVersions": ["v2"]}, False),
        ({"resources": ["pods/status"]}, False),
        ({"resources": ["*/*"]}, True),
        ({"resources": ["pods/*"]}, True),
        ({"resources": ["*/status"]}, False),
        ({"scope": "Namespaced"}, True),
        ({"scope": "Cluster"}, False),
    ],
)
def test_a_rule_matches_by_every_part(given: Document, matches: bool) -> None:
    assert (judge({"rules": [rule(**given)]}) is PODS) is matches


def test_a_rule_without_subresource_matches_none() -> None:
    assert judge({"rules": [rule()]}, subresource="status", verb="UPDATE") is None
    assert judge({"rules": [rule(resources=["*"])]}, subresource="status", verb="UPDATE") is None
    assert judge({"rules": [rule(resources=["pods/*"])]}, subresource="status", verb="UPDATE") is PODS


def test_a_namespace_is_cluster_scoped() -> None:
    assert judge({"rules": [rule(resources=["namespaces"], scope="Cluster")]}, NAMESPACES) is NAMESPACES
    assert judge({"rules": [rule(resources=["namespaces"], scope="Namespaced")]}, NAMESPACES) is None


def test_an_equivalent_version_matches_unless_exactness_is_asked_for() -> None:
    one, two = AUTOSCALERS["v1"], AUTOSCALERS["v2"]
    listed = rule(apiGroups=["autoscaling"], apiVersions=["v1"], resources=["horizontalpodautoscalers"])
    assert judge({"rules": [listed], "matchPolicy": "Equivalent"}, two) is one
    assert judge({"rules": [listed], "matchPolicy": "Exact"}, two) is None
    both = {**listed, "apiVersions": ["v1", "v2"]}
    assert judge({"rules": [both]}, two) is two


async def test_an_object_is_converted_between_equivalent_versions() -> None:
    target = {"type": "Utilization", "averageUtilization": 50}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    new = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {},
        "spec": {"metrics": metrics},
    }
    old = await convert(new, AUTOSCALERS["v2"], AUTOSCALERS["v1"])
    assert (old["apiVersion"], old["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 50)
    assert new["spec"] == {"metrics": metrics}


def test_object_selectors_look_at_the_new_and_the_old_object() -> None:
    given = {"rules": [rule()], "objectSelector": {"matchLabels": {"a": "b"}}}
    labelled = {"metadata": {"labels": {"a": "b"}}}
    assert judge(given) is None
    assert judge(given, labels={"a": "b"}) is PODS
    assert judge(given, verb="UPDATE", old=labelled) is PODS
    assert judge(given, verb="DELETE", old=labelled) is PODS


def test_namespace_selectors_look_at_the_namespace_or_at_the_namespace_itself() -> None:
    def selecting(env: str) -> Document:
        return {"rules": [rule(resources=["*"])], "namespaceSelector": {"matchLabels": {"env": env}}}

    assert judge(selecting("test")) is PODS
    assert judge(selecting("prod")) is None
    assert judge(selecting("prod"), NAMESPACES, labels={"env": "prod"}, name="ns") is NAMESPACES
    assert judge(selecting("test"), NAMESPACES, "DELETE", name="ns") is NAMESPACES
    assert judge(selecting("prod"), NODES) is NODES, "what is in no namespace is never exempt"
    with pytest.raises(NotFound, match='namespaces "gone" not found'):
        judge(selecting("test"), namespace="gone")


def test_names_and_excluded_rules_narrow_those_of_policies() -> None:
    named_rule = rule(resourceNames=["a", "b"])
    given = {"resourceRules": [named_rule], "excludeResourceRules": [rule(resourceNames=["b"])]}
    assert [judge(given, name=name) is PODS for name in ("a", "b", "c")] == [True, False, False]
    assert judge({"resourceRules": [rule()], "excludeResourceRules": [rule()]}) is None


def test_constraints_without_rules_match_what_the_selectors_select() -> None:
    assert judge({"excludeResourceRules": [], "objectSelector": {}}) is PODS


class Judge:
    def __init__(self, document: Document) -> None:
        self.name = document["metadata"]["name"]
        self.criteria = criteria({"rules": [rule(resources=["*", "*/*"], apiGroups=["*"])]}, "rules")


def sources(*names: str) -> Source[Judge]:
    found: Source[Judge] = Source(lambda documents: [Judge(d) for d in documents], EQUIVALENTS)
    for name in names:
        found.put({"metadata": {"name": name}})
    return found


def test_judges_come_by_the_names_of_their_configurations() -> None:
    source = sources("b", "c", "a")
    assert [each.name for each, _ in source.concerning("CREATE", PODS, "")] == ["a", "b", "c"]
    source.drop("b")
    assert [each.name for each, _ in source.concerning("CREATE", PODS, "")] == ["a", "c"]


def test_configurations_and_what_is_no_request_are_nobodys_to_judge() -> None:
    source = sources("a")
    config = named("validatingwebhookconfigurations.admissionregistration.k8s.io")
    assert source.concerning("DELETE", config, "") == []
    assert source.concerning("UPDATE", PODS, "binding") == []
    assert source.concerning("CREATE", PODS, "binding") != []
    assert source.concerning("UPDATE", PODS, "status") != []

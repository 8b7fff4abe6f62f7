"""In what order discovery tells groups, and the versions of a group; clients resolve short names in it.

Source: pkg/controlplane/apiserver/aggregator.go and cmd/kube-apiserver/app/aggregator.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Priority(NamedTuple):
    """An APIService's groupPriorityMinimum and versionPriority. More comes first."""

    group: int
    version: int


FIRST = "apiregistration.k8s.io"
"""The group of APIServices has none itself, and stands before all others."""
CUSTOM = Priority(1000, 100)
"""Of group versions that CustomResourceDefinitions serve."""

BUILT_IN: dict[tuple[str, str], Priority] = {
    ("", "v1"): Priority(18000, 1),
    (FIRST, "v1"): Priority(20001, 0),
    ("admissionregistration.k8s.io", "v1"): Priority(16700, 15),
    ("apiextensions.k8s.io", "v1"): Priority(16700, 15),
    ("apps", "v1"): Priority(17800, 15),
    ("authentication.k8s.io", "v1"): Priority(17700, 15),
    ("authorization.k8s.io", "v1"): Priority(17600, 15),
    ("autoscaling", "v1"): Priority(17500, 15),
    ("autoscaling", "v2"): Priority(17500, 30),
    ("batch", "v1"): Priority(17400, 15),
    ("certificates.k8s.io", "v1"): Priority(17300, 15),
    ("coordination.k8s.io", "v1"): Priority(16500, 15),
    ("discovery.k8s.io", "v1"): Priority(16200, 15),
    ("events.k8s.io", "v1"): Priority(17750, 15),
    ("flowcontrol.apiserver.k8s.io", "v1"): Priority(16100, 21),
    ("networking.k8s.io", "v1"): Priority(17200, 15),
    ("node.k8s.io", "v1"): Priority(16300, 15),
    ("policy", "v1"): Priority(17100, 15),
    ("rbac.authorization.k8s.io", "v1"): Priority(17000, 15),
    ("resource.k8s.io", "v1"): Priority(16200, 21),
    ("scheduling.k8s.io", "v1"): Priority(16600, 15),
    ("storage.k8s.io", "v1"): Priority(16800, 15),
}


def priority_of(group: str, version: str) -> Priority:
    """What an APIService of this server's own is made with."""
    return BUILT_IN.get((group, version), CUSTOM)


def in_order(
    groups: Mapping[str, Mapping[str, T]], given: Mapping[tuple[str, str], Priority] | None = None
) -> dict[str, dict[str, T]]:
    """{group: {version: ...}} as discovery tells it. ``given`` are priorities that differ from this server's own.

    The highest groupPriorityMinimum of a group's versions counts.
    """
    found = given or {}

    def priority(group: str, version: str) -> Priority:
        return found.get((group, version)) or priority_of(group, version)

    def of_group(group: str) -> tuple[int, str]:
        return -max(priority(group, version).group for version in groups[group]), group

    def of_version(group: str, version: str) -> tuple[int, tuple[int, int, int, str]]:
        return -priority(group, version).version, version_rank(version)

    return {
        group: {v: groups[group][v] for v in sorted(groups[group], key=lambda v: of_version(group, v))}
        for group in sorted(groups, key=of_group)
    }


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as upstream's version.CompareKubeAwareVersionStrings: v2, v1, v1beta1, v1alpha1, then others."""
    rest = version[1:] if version.startswith("v") else ""
    for place, word in enumerate(("", "beta", "alpha")):
        major, found, minor = rest.partition(word) if word else (rest, "", "0")
        if major.isdigit() and minor.isdigit() and (found or not word):
            return place, -int(major), -int(minor), ""
    return 3, 0, 0, version

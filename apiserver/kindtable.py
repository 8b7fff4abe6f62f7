"""The kinds that are served right now: the built-in ones, and those that definitions add while the server runs."""

from __future__ import annotations

from collections.abc import Iterable

from apimachinery.kinds import ALL
from apimachinery.kinds.kind import Kind

GROUP_ORDER = (
    "", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch",
    "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io",
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io",
    "node.k8s.io", "discovery.k8s.io", "resource.k8s.io", "flowcontrol.apiserver.k8s.io", "apiregistration.k8s.io",
)  # fmt: skip
"""Discovery's order, by upstream's group priorities; clients resolve short names in it. Other groups follow by name."""


class KindTable:
    """``generation`` grows with every change, so that what is derived from the table can be kept."""

    def __init__(self, kinds: Iterable[Kind] = ALL) -> None:
        self.generation = 0
        self._by_plural: dict[tuple[str, str, str], Kind] = {}
        self.put(*kinds)

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The served kind of a URL."""
        return self._by_plural.get((group, version, plural))

    def all(self) -> tuple[Kind, ...]:
        return tuple(self._by_plural.values())

    def put(self, *kinds: Kind) -> None:
        """Serve kinds, instead of those of the same names."""
        self.generation += 1
        for kind in kinds:
            if kind.served:
                self._by_plural[kind.group, kind.version, kind.plural] = kind
            else:
                self._by_plural.pop((kind.group, kind.version, kind.plural), None)

    def drop(self, *kinds: Kind) -> None:
        self.generation += 1
        for kind in kinds:
            self._by_plural.pop((kind.group, kind.version, kind.plural), None)

    def groups(self) -> dict[str, dict[str, list[Kind]]]:
        """{group: {version: kinds}} in discovery's order; a group's first version is its preferred one."""
        found: dict[str, dict[str, list[Kind]]] = {}
        for kind in self._by_plural.values():
            found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
        rank = {group: place for place, group in enumerate(GROUP_ORDER)}
        listed = sorted(found, key=lambda group: (rank.get(group, len(rank)), group))
        return {group: dict(sorted(found[group].items(), key=lambda v: version_rank(v[0]))) for group in listed}


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as upstream's version.CompareKubeAwareVersionStrings: v2, v1, v1beta1, v1alpha1, then others."""
    rest = version[1:] if version.startswith("v") else ""
    for place, word in enumerate(("", "beta", "alpha")):
        major, found, minor = rest.partition(word) if word else (rest, "", "0")
        if major.isdigit() and minor.isdigit() and (found or not word):
            return place, -int(major), -int(minor), ""
    return 3, 0, 0, version

"""The kinds that are served right now: the built-in ones, and those that definitions add while the server runs."""

from __future__ import annotations

from collections.abc import Iterable

from apimachinery.kinds import ALL
from apimachinery.kinds.kind import Kind
from apiserver.aggregator.priorities import in_order


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
        return in_order(found)

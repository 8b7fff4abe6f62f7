"""All group versions that clients can use, whoever answers them, in discovery's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apimachinery.kinds.kind import Kind
from apiserver.aggregator.priorities import in_order

if TYPE_CHECKING:
    from apiserver.aggregator.aggregator import Aggregator
    from apiserver.kindtable import KindTable

Served = list[Kind] | dict[str, Any]
"""Kinds that this server answers, or what another server told of its resources (APIVersionDiscovery)."""
Groups = dict[str, dict[str, Served]]


class Catalog:
    def __init__(self, kinds: KindTable, aggregator: Aggregator) -> None:
        self._kinds = kinds
        self._aggregator = aggregator
        self._made: tuple[tuple[int, int], Groups] | None = None

    @property
    def generation(self) -> tuple[int, int]:
        """Another one after every change."""
        return self._kinds.generation, self._aggregator.generation

    def groups(self) -> Groups:
        """{group: {version: ...}}. Callers must not change it."""
        if self._made is None or self._made[0] != self.generation:
            self._made = self.generation, self._merged()
        return self._made[1]

    def _merged(self) -> Groups:
        found: Groups = {group: dict(versions) for group, versions in self._kinds.groups().items()}
        # Who registers a group version with another server wants that one to be asked.
        for (group, version), remote in self._aggregator.remotes.items():
            found.setdefault(group, {})[version] = remote.entry
        return in_order(found, self._aggregator.priorities)

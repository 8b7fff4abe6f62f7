"""Who is asked again when a later mutation changed the object. Source: apiserver/pkg/admission/reinvocation.go.

The whole mutating chain runs a second time where anything of it asked for that, and the second round calls those of the
first that want to see what came after them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import orjson


class Reinvocation:
    """Of one operation. ``wanted``: run the chain once more; ``again``: this is that second round."""

    __slots__ = ("_parts", "again", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        self.again = False
        self._parts: dict[str, Part] = {}

    def of(self, plugin: str) -> Part:
        found = self._parts.get(plugin)
        if found is None:
            found = self._parts[plugin] = Part(self)
        return found


class Part:
    """What one plugin (webhooks, policies) remembers from its first round to its second."""

    __slots__ = ("_called", "_due", "_output", "_whole")

    def __init__(self, whole: Reinvocation) -> None:
        self._whole = whole
        self._called: set[Hashable] = set()
        self._due: set[Hashable] = set()
        self._output: bytes | None = None

    def begin(self, document: Any) -> None:
        if self._whole.again and self._output != _encoded(document):
            # Plugins that are compiled in changed it meanwhile.
            self._call_all_again()

    def end(self, document: Any) -> None:
        self._output = _encoded(document)

    def skips(self, key: Hashable) -> bool:
        """In the second round, nobody is called for the first time."""
        return self._whole.again and key not in self._due

    def changed(self) -> None:
        """A mutation changed the object: those before it are due."""
        self._call_all_again()
        self._whole.wanted = True

    def was_called(self, key: Hashable) -> None:
        """Of one that wants to be called again if needed."""
        self._called.add(key)

    def _call_all_again(self) -> None:
        self._due |= self._called
        self._called = set()


def _encoded(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)

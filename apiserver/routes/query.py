"""Query strings and how their values convert (k8s.io/apimachinery/pkg/runtime/conversion.go)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from apimachinery.errors import BadRequest

_MOST_CACHED = 1024
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")


class Query:
    """Decoded parameters, each with all its values. Never changed."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        self.values = values

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        found = self.values.get(name)
        return found[0] if found else ""

    def all(self, name: str) -> list[str]:
        return self.values.get(name) or []

    def flag(self, name: str) -> bool:
        """Anything but "0" and "false" is true, the empty value too."""
        found = self.values.get(name)
        return bool(found) and found[0] != "0" and found[0].lower() != "false"

    def maybe_flag(self, name: str) -> bool | None:
        return self.flag(name) if name in self.values else None

    def integer(self, name: str) -> int | None:
        """Raises BadRequest."""
        found = self.values.get(name)
        if not found or not found[0]:
            return None
        if not _INTEGER.match(found[0]):
            raise BadRequest(f'strconv.ParseInt: parsing "{found[0]}": invalid syntax')
        value = int(found[0])
        if not -(2**63) <= value < 2**63:
            raise BadRequest(f'strconv.ParseInt: parsing "{found[0]}": value out of range')
        return value

    def first_values(self) -> dict[str, str]:
        return {name: values[0] for name, values in self.values.items()}


EMPTY = Query({})
_cache: dict[bytes, Query] = {b"": EMPTY}


def parse(raw: bytes) -> Query:
    """A scope's query_string. Clients repeat themselves, so recent ones are kept."""
    found = _cache.get(raw)
    if found is None:
        if len(_cache) >= _MOST_CACHED:
            _cache.clear()
            _cache[b""] = EMPTY
        found = _cache[raw] = Query(parse_qs(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=1000))
    return found

"""YAML answers. Apart, because PyYAML is imported only when somebody asks for YAML."""

from __future__ import annotations

import orjson
import yaml


def from_json(data: bytes) -> bytes:
    return yaml.dump(orjson.loads(data), Dumper=yaml.CSafeDumper, allow_unicode=True, encoding="utf-8")

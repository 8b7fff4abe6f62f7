"""What the runtime remembers of a sandbox or container, on disk and back. Written whole, renamed into place."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from kubelet.runtime.api import ContainerConfig, SandboxConfig, User

T = TypeVar("T")


@dataclass(slots=True)
class SandboxRecord:
    id: str
    config: SandboxConfig
    created_at: datetime
    stopped: bool = False
    pause_pid: int = 0
    """Of the process that holds a shared PID namespace; 0 when there is none."""


@dataclass(slots=True)
class ContainerRecord:
    id: str
    sandbox_id: str
    config: ContainerConfig
    created_at: datetime
    image_id: str
    image_name: str
    stop_signal: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    user: User | None = None


def save(path: Path, record: SandboxRecord | ContainerRecord) -> None:
    """No fsync: a crash of the machine ends the containers too, and what is half written then is cleared away."""
    write(path, orjson.dumps(record, default=_plain))


def write(path: Path, data: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(data)
    os.replace(draft, path)


def load(path: Path, kind: type[T]) -> T | None:
    """None when there is no such file or nothing sensible in it."""
    try:
        return _build(kind, orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def _build(kind: Any, value: Any) -> Any:
    """A value of ``kind`` from its JSON form: dataclasses, tuples, optionals, times and plain values."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if origin in (typing.Union, types.UnionType):
        chosen = next(a for a in arguments if a is not type(None))
        return None if value is None else _build(chosen, value)
    if origin is tuple:
        inner = arguments if len(arguments) != 2 or arguments[1] is not Ellipsis else arguments[:1] * len(value)
        return tuple(_build(a, item) for a, item in zip(inner, value, strict=True))
    if kind is datetime:
        return datetime.fromisoformat(value)
    return value


_known_hints: dict[Any, dict[str, Any]] = {}


def _hints(kind: Any) -> dict[str, Any]:
    if kind not in _known_hints:
        _known_hints[kind] = typing.get_type_hints(kind)
    return _known_hints[kind]

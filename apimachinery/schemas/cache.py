"""The compiled schemas on disk: written once, mapped into memory, decoded one definition at a time.

The file stands beside this package where that is writable, else in the user's cache directory; where neither is, the
schemas are compiled in memory at each start (some 60 ms). It is written to a temporary name and renamed, so two
processes that race write the same file twice and no reader sees half of one. Layout: magic, length of the index (8
bytes, little endian), the index (JSON: name to [offset, length, atomic, offset and length of the descriptions]), data.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any

import orjson

from apimachinery.schemas.schema import Definition, Schema

_FORMAT = 1
"""Raise it whenever the compiler writes something else."""
_RELEASE = "v1.36"
_NAME = f"{_RELEASE}.{_FORMAT}.schemas"
_MAGIC = b"knarr-schemas\n"

_Index = dict[str, tuple[int, int, int, int, int]]
_Data = bytes | memoryview


class _Loaded:
    """The mapped file, and the definitions decoded so far."""

    index: _Index = {}
    data: _Data = b""
    schemas: dict[str, Schema] = {}
    custom: dict[str, dict[str, Any]] = {}


def schema(name: str) -> Schema:
    """The schema of a definition: ``io.k8s.api.apps.v1.Deployment``. Raises KeyError for an unknown one."""
    found = _Loaded.schemas.get(name)
    return found if found is not None else _define(name)


def definitions() -> Iterator[str]:
    """The names of all definitions."""
    return iter(_index())


def description(name: str, field: str = "") -> str:
    """What upstream says of a definition, or of one of its fields; "" where it says nothing. KeyError if unknown."""
    entry = _index()[name]
    texts: dict[str, str] = orjson.loads(_Loaded.data[entry[3] : entry[3] + entry[4]])
    return texts.get(field, "")


def define(name: str, kind: str, openapi: dict[str, Any] | None) -> Schema:
    """Make ``name`` the definition of a custom resource (openAPIV3Schema; None: anything goes), or replace it."""
    from apimachinery.schemas.builder import from_openapi

    made = from_openapi(kind, openapi)
    _Loaded.custom[name] = openapi or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    _Loaded.schemas[name] = made
    return made


def forget(name: str) -> None:
    """Undo ``define``; nothing happens if there is no such definition."""
    if _Loaded.custom.pop(name, None) is not None:
        del _Loaded.schemas[name]


def custom_definitions() -> dict[str, dict[str, Any]]:
    """The OpenAPI of what was defined at run time, by name. Not to be changed."""
    return _Loaded.custom


def ensure() -> None:
    """Compile and write the file if it is missing: for installers, so that the first start need not."""
    _index()


def source_path() -> Path:
    """The bundled v1.36 definitions. Raises FileNotFoundError if the kubernetes-validate package lacks them."""
    from importlib.util import find_spec

    found = find_spec("kubernetes_validate")
    if found is None or not found.origin:
        raise FileNotFoundError("the package kubernetes-validate, which brings the schemas, is not installed")
    path = Path(found.origin).parent / "kubernetes-json-schema" / f"{_RELEASE}.0-local" / "_definitions.json"
    if not path.exists():
        raise FileNotFoundError(f"kubernetes-validate has no definitions of {_RELEASE}: {path}")
    return path


def _define(name: str) -> Schema:
    granular = name.endswith("!")
    offset, length, atomic, _, _ = _index()[name.rstrip("!")]
    made = Definition(
        name.rstrip("!"),
        lambda: orjson.loads(_Loaded.data[offset : offset + length]),
        schema,
        atomic=bool(atomic) and not granular,
    )
    return _Loaded.schemas.setdefault(name, made)


def _index() -> _Index:
    if not _Loaded.index:
        _Loaded.data = _open() or _compile_and_keep()
        _Loaded.index = _read_index(_Loaded.data)
    return _Loaded.index


def _places() -> list[Path]:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [Path(__file__).with_name("__pycache__") / _NAME, Path(cache) / "knarr" / _NAME]


def _open() -> _Data | None:
    for place in _places():
        with suppress(OSError), place.open("rb") as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return None


def _read_index(data: _Data) -> _Index:
    start = len(_MAGIC) + 8
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    index: _Index = orjson.loads(data[start:end])
    return {name: (at + end, n, atomic, text + end, m) for name, (at, n, atomic, text, m) in index.items()}


def _compile_and_keep() -> _Data:
    made = compiled(orjson.loads(source_path().read_bytes())["$defs"])
    for place in _places():
        with suppress(OSError):
            _write(place, made)
            return _open() or made
    return made


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}.{get_ident()}")
    try:
        draft.write_bytes(content)
        draft.replace(place)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def compiled(openapi: dict[str, Any]) -> bytes:
    """The file's content for these OpenAPI definitions."""
    from apimachinery.schemas.compiler import LEAVES, compile_definition

    specs, texts = bytearray(), bytearray()
    index: dict[str, list[int]] = {}
    for name, one in openapi.items():
        spec = orjson.dumps(LEAVES.get(name) or compile_definition(name, one))
        text = orjson.dumps(_descriptions(one))
        atomic = int(one.get("x-kubernetes-map-type") == "atomic")
        index[name] = [len(specs), len(spec), atomic, len(texts), len(text)]
        specs += spec
        texts += text
    for entry in index.values():
        entry[3] += len(specs)
    head = orjson.dumps(index)
    return _MAGIC + len(head).to_bytes(8, "little") + head + bytes(specs) + bytes(texts)


def _descriptions(openapi: dict[str, Any]) -> dict[str, str]:
    texts = {"": openapi.get("description", "")}
    for field, one in (openapi.get("properties") or {}).items():
        texts[field] = one.get("description", "")
    return texts

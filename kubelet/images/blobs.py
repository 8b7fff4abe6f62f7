"""A layer's blob as a stream of its content: a part of a file, decompressed, both digests computed on the way."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any, cast

_BUFFER = 256 * 1024


class Corrupt(Exception):
    """A blob isn't what its digest says, or its compression can't be read."""


class Blob(io.RawIOBase):
    """Reads as the uncompressed content."""

    def __init__(self, part: _Part, content: IO[bytes]) -> None:
        self._part, self._content = part, content
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        data = self._content.read(size)
        self._digest.update(data)
        return data

    def readable(self) -> bool:
        return True

    def verify(self, *, diff_id: str, digest: str | None) -> None:
        """After all was read."""
        found = f"sha256:{self._digest.hexdigest()}"
        if found != diff_id:
            raise Corrupt(f"wrong diff id: expected {diff_id}, the layer has {found}")
        if digest is not None and (blob := self._part.digest()) != digest:
            raise Corrupt(f"failed to validate blob: expected {digest}, it is {blob}")

    def __enter__(self) -> Blob:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._content is not self._part:
            self._content.close()
        self._part.close()


def opened(path: str, offset: int = 0, size: int | None = None) -> Blob:
    """gzip, zstd, bzip2, xz, or none."""
    part = _Part(path, offset, os.stat(path).st_size - offset if size is None else size)
    opener = _decompressor(part)
    return Blob(part, opener(part) if opener else cast("IO[bytes]", part))


def is_compressed(path: str) -> bool:
    part = _Part(path, 0, os.stat(path).st_size)
    try:
        return _decompressor(part) is not None
    finally:
        part.close()


class _Part(io.RawIOBase):
    """``size`` bytes of a file from ``offset`` on."""

    def __init__(self, path: str, offset: int, size: int) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with this
        self._file.seek(offset)
        self._offset, self._left = offset, size
        self._digest = hashlib.sha256()

    def peek(self, size: int) -> bytes:
        return os.pread(self._file.fileno(), min(size, self._left), self._offset)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        size = self._left if size < 0 else min(size, self._left)
        data = self._file.read(size) if size else b""
        self._left -= len(data)
        self._digest.update(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def digest(self) -> str:
        """Of the whole part: a decompressor may have left its last bytes unread."""
        while self.read(_BUFFER):
            pass
        return f"sha256:{self._digest.hexdigest()}"

    def close(self) -> None:
        self._file.close()
        super().close()


def _gzip(part: _Part) -> IO[bytes]:
    import gzip

    return cast("IO[bytes]", gzip.GzipFile(fileobj=io.BufferedReader(part, _BUFFER), mode="rb"))


def _zstd(part: _Part) -> IO[bytes]:
    import zstandard

    return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(part, read_across_frames=True))


def _bzip2(part: _Part) -> IO[bytes]:
    import bz2

    return bz2.BZ2File(io.BufferedReader(part, _BUFFER))


def _xz(part: _Part) -> IO[bytes]:
    import lzma

    return lzma.LZMAFile(io.BufferedReader(part, _BUFFER))


_COMPRESSIONS: tuple[tuple[bytes, Callable[[_Part], IO[bytes]]], ...] = (
    (b"\x1f\x8b", _gzip),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\x00", _xz),
)


def _decompressor(part: _Part) -> Callable[[_Part], IO[bytes]] | None:
    magic = part.peek(6)
    return next((opener for start, opener in _COMPRESSIONS if magic.startswith(start)), None)

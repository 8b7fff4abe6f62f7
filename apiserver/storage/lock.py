"""One API server on one SQLite file: its memory is only right while nobody else writes."""

from __future__ import annotations

import fcntl
import os

from apiserver.storage.dialects import sqlite_path
from apiserver.storage.errors import StoreInUse


class FileLock:
    """An advisory lock that the kernel drops with the process. ``path`` "" locks nothing (PostgreSQL is shared)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    @classmethod
    def of(cls, url: str) -> FileLock:
        path = sqlite_path(url)
        return cls(f"{path}.lock" if path else "")

    def acquire(self) -> None:
        """Raises StoreInUse."""
        if not self._path:
            return
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise StoreInUse(f"another API server uses the database of {self._path}") from error
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

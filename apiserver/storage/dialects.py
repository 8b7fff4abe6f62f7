"""What SQLite and PostgreSQL need said differently, as data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CHANNEL = "knarr_revisions"
_LOCK = 0x6B6E617272
"""PostgreSQL advisory lock of the writers ("knarr")."""


def _sleep(connection: Any, seconds: float) -> None:
    time.sleep(seconds)


def _notified(connection: Any, seconds: float) -> None:
    driver = connection.connection.driver_connection
    for _ in driver.notifies(timeout=seconds, stop_after=1):
        return


@dataclass(frozen=True, slots=True)
class Dialect:
    """``shared``: several API servers may write, each learns of the others' rows. ``begin`` opens a transaction."""

    begin: tuple[str, ...]
    on_connect: tuple[str, ...] = ()
    shared: bool = False
    sequence_sql: str = ""
    """The highest revision ever given, where that is not simply the highest row."""
    notify_sql: str = ""
    listen_sql: str = ""
    wait: Callable[[Any, float], None] = _sleep
    """``wait(connection, seconds)`` returns when somebody notified, at the latest after ``seconds``."""
    engine_options: dict[str, Any] = field(default_factory=dict)


SQLITE = Dialect(
    # Deferred transactions that read and then write fail with "database is locked" whatever their timeout.
    begin=("BEGIN IMMEDIATE",),
    on_connect=(
        "PRAGMA journal_mode = WAL",
        # Every commit reaches the disk before it is acknowledged.
        "PRAGMA synchronous = FULL",
        "PRAGMA busy_timeout = 10000",
        "PRAGMA journal_size_limit = 16777216",
        "PRAGMA cache_size = -4096",
        "PRAGMA temp_store = MEMORY",
    ),
    sequence_sql="SELECT seq FROM sqlite_sequence WHERE name = 'revisions'",
)
POSTGRESQL = Dialect(
    # One writer at a time across servers: revisions become visible in their order, without gaps.
    begin=("BEGIN", f"SELECT pg_advisory_xact_lock({_LOCK})"),
    on_connect=("SET synchronous_commit = on",),
    shared=True,
    notify_sql=f"NOTIFY {CHANNEL}",
    listen_sql=f"LISTEN {CHANNEL}",
    wait=_notified,
    # The writer's rows are passed by position.
    engine_options={"paramstyle": "format"},
)


def dialect_of(url: str) -> Dialect:
    """Raises ValueError for a database that is not supported."""
    backend = url.partition(":")[0].partition("+")[0]
    if backend == "sqlite":
        return SQLITE
    if backend == "postgresql":
        return POSTGRESQL
    raise ValueError(f"databases of type {backend!r} are not supported: use sqlite or postgresql")


def sqlite_path(url: str) -> str:
    """The file of an SQLite URL, or an empty string for another database."""
    return url.partition(":///")[2].partition("?")[0] if url.startswith("sqlite") else ""

"""The gateway to SQL: one connection, used by one thread. SQLAlchemy Core; what differs by dialect is in ``dialects``.

Importing this module imports SQLAlchemy (0.15 s), so it is imported by the thread that uses it.

    revisions   id (the revision), resource, key, prev (the revision that this one replaces, 0 for none), verb, data
    settings    name, value: ``compacted``, the revision that reads and watches may not go behind

``(resource, key, prev)`` is unique: of two writers that replace the same revision the second fails. A deletion is a row
whose data is the last state, since watchers are told it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from apiserver.storage.dialects import dialect_of, sqlite_path

CREATE, UPDATE, DELETE = 0, 1, 2

MOST_ROWS = 64
"""Of one INSERT statement."""

_METADATA = sa.MetaData()
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
REVISIONS = sa.Table(
    "revisions",
    _METADATA,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("prev", _ID, nullable=False),
    sa.Column("verb", sa.SmallInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("resource", "key", "prev", name="one_successor"),
    # A revision is never given twice, not even after the newest rows were compacted.
    sqlite_autoincrement=True,
)
SETTINGS = sa.Table(
    "settings",
    _METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", _ID, nullable=False),
)
COMPACTED = "compacted"
_COLUMNS = tuple(REVISIONS.c)

DatabaseError = SQLAlchemyError


class Row(NamedTuple):
    """One revision, in the order of the table's columns."""

    id: int
    resource: str
    key: str
    prev: int
    verb: int
    data: bytes


class Change(NamedTuple):
    """A row of the past with the state that it replaced (None for a creation)."""

    row: Row
    before: bytes | None


class Database:
    """Every method may raise ``DatabaseError``; after one, nothing of the transaction stays."""

    def __init__(self, url: str) -> None:
        self._dialect = dialect_of(url)
        self._engine = sa.create_engine(
            url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool, **self._dialect.engine_options
        )
        sa.event.listen(self._engine, "connect", self._prepare)
        self._inserts: dict[int, str] = {}
        self._connection: sa.Connection | None = None

    @property
    def shared(self) -> bool:
        """Whether other API servers may write too."""
        return self._dialect.shared

    def open(self, *, create: bool) -> None:
        """``create``: make the tables where there are none. The log's one writer does."""
        if create:
            _keep_private(sqlite_path(str(self._engine.url)))
        connection = self._open_connection()
        if create:
            self._begin()
            _METADATA.create_all(connection)
            if connection.scalar(sa.select(SETTINGS.c.value).where(SETTINGS.c.name == COMPACTED)) is None:
                connection.execute(sa.insert(SETTINGS).values(name=COMPACTED, value=0))
            self._commit()

    def _prepare(self, driver_connection: Any, record: Any) -> None:
        """Also of a connection that replaces a lost one."""
        cursor = driver_connection.cursor()
        for statement in self._dialect.on_connect:
            cursor.execute(statement)
        cursor.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def last_revision(self) -> int:
        connection = self._open_connection()
        newest = connection.scalar(sa.select(sa.func.max(REVISIONS.c.id))) or 0
        given = self._dialect.sequence_sql and connection.exec_driver_sql(self._dialect.sequence_sql).scalar()
        return max(newest, given or 0)

    def compacted(self) -> int:
        return self._open_connection().scalar(sa.select(SETTINGS.c.value).where(SETTINGS.c.name == COMPACTED)) or 0

    def current(self) -> Iterator[Row]:
        """The newest row of every key, deletions included."""
        newest = sa.select(sa.func.max(REVISIONS.c.id).label("id")).group_by(REVISIONS.c.resource, REVISIONS.c.key)
        newest = newest.subquery()
        query = sa.select(*_COLUMNS).join(newest, newest.c.id == REVISIONS.c.id)
        return map(Row._make, self._open_connection().execute(query))

    def append(self, rows: Sequence[Row], *, after: int) -> bool:
        """Durable when it returns True. False, and nothing stored, where the log is not at ``after`` (others wrote)."""
        connection = self._open_connection()
        self._begin()
        try:
            if self._dialect.shared and self.last_revision() != after:
                connection.exec_driver_sql("ROLLBACK")
                return False
            for i in range(0, len(rows), MOST_ROWS):
                part = rows[i : i + MOST_ROWS]
                parameters = tuple(value for row in part for value in row)
                connection.exec_driver_sql(self._insert_sql(len(part)), parameters)
            if self._dialect.notify_sql:
                connection.exec_driver_sql(self._dialect.notify_sql)
            self._commit()
        except BaseException:
            self._rollback()
            raise
        return True

    def rows_after(self, revision: int, most: int) -> list[Row]:
        query = sa.select(*_COLUMNS).where(REVISIONS.c.id > revision).order_by(REVISIONS.c.id).limit(most)
        return list(map(Row._make, self._open_connection().execute(query)))

    def listen(self) -> None:
        if self._dialect.listen_sql:
            self._open_connection().exec_driver_sql(self._dialect.listen_sql)

    def wait_for_others(self, seconds: float) -> None:
        """Returns when another server (or this one) has written, or after ``seconds``."""
        self._dialect.wait(self._open_connection(), seconds)

    def changes(self, resource: str, after: int, until: int, most: int) -> list[Change]:
        """What happened to a resource in ``after < revision <= until``, in order."""
        before = REVISIONS.alias("before")
        query = (
            sa.select(*_COLUMNS, before.c.data, before.c.verb)
            .join(before, before.c.id == REVISIONS.c.prev, isouter=True)
            .where(REVISIONS.c.id > after, REVISIONS.c.id <= until, REVISIONS.c.resource == resource)
            .order_by(REVISIONS.c.id)
            .limit(most)
        )
        rows = self._open_connection().execute(query)
        return [Change(Row._make(r[:6]), None if r[7] == DELETE else r[6]) for r in rows]

    def state_at(self, resource: str, revision: int) -> list[Row]:
        """The objects of a resource as they were at a revision that is not compacted, by key."""
        newest = (
            sa.select(sa.func.max(REVISIONS.c.id).label("id"))
            .where(REVISIONS.c.resource == resource, REVISIONS.c.id <= revision)
            .group_by(REVISIONS.c.key)
            .subquery()
        )
        query = sa.select(*_COLUMNS).join(newest, newest.c.id == REVISIONS.c.id).where(REVISIONS.c.verb != DELETE)
        rows = map(Row._make, self._open_connection().execute(query))
        return sorted(rows, key=lambda row: row.key)

    def compact(self, start: int, end: int) -> None:
        """Forget what revisions in ``start < id <= end`` replaced, and deletions among them; move the line to ``end``.

        ``end`` must be below the newest revision, so that the newest row always tells where the sequence stands.
        """
        connection = self._open_connection()
        within = sa.and_(REVISIONS.c.id > start, REVISIONS.c.id <= end)
        replaced = sa.select(REVISIONS.c.prev).where(within, REVISIONS.c.prev > 0).scalar_subquery()
        self._begin()
        try:
            line = sa.and_(SETTINGS.c.name == COMPACTED, SETTINGS.c.value < end)
            connection.execute(sa.update(SETTINGS).where(line).values(value=end))
            connection.execute(sa.delete(REVISIONS).where(REVISIONS.c.id.in_(replaced)))
            connection.execute(sa.delete(REVISIONS).where(within, REVISIONS.c.verb == DELETE))
            self._commit()
        except BaseException:
            self._rollback()
            raise

    def _open_connection(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _insert_sql(self, count: int) -> str:
        text = self._inserts.get(count)
        if text is None:
            values: list[dict[str, Any]] = [dict.fromkeys(REVISIONS.c.keys())] * count
            statement = sa.insert(REVISIONS).values(values)
            text = self._inserts[count] = str(statement.compile(self._engine))
        return text

    def _begin(self) -> None:
        for statement in self._dialect.begin:
            self._open_connection().exec_driver_sql(statement)

    def _commit(self) -> None:
        self._open_connection().exec_driver_sql("COMMIT")

    def _rollback(self) -> None:
        try:
            self._open_connection().exec_driver_sql("ROLLBACK")
        except DatabaseError:
            # A failed COMMIT may have rolled back on its own, or the connection is lost: the next use opens another.
            return
        finally:
            self.reset()

    def reset(self) -> None:
        """After a failure: end what SQLAlchemy holds to be a transaction, let go of a connection that is lost."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rollback()
        except DatabaseError:
            self._connection = None
            connection.invalidate()
            connection.close()


def _keep_private(path: str) -> None:
    """Secrets are in it. SQLite gives the files beside it (the write-ahead log) the mode of the file itself."""
    if path and path != ":memory:":
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)

"""What tests of the API server's registry turn and record: a clock, admission, the options of a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apiserver.context import Operation, UserInfo
from apiserver.registry.api import WriteOptions


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Admission:
    """Records operations; ``refuse`` is raised by validating where it is set."""

    def __init__(self) -> None:
        self.admitted: list[Operation] = []
        self.refuse: Exception | None = None

    async def admit(self, op: Operation) -> None:
        self.admitted.append(op)

    async def validate(self, op: Operation) -> None:
        if self.refuse is not None:
            raise self.refuse


def options(**more: object) -> WriteOptions:
    return WriteOptions(user=UserInfo("test"), field_manager="test", **more)  # type: ignore[arg-type]

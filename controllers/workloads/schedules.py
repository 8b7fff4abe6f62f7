"""Cron expressions: when is next. Source: robfig/cron, standard parser (five fields, names, steps, @descriptors)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600, "m": 60, "s": 1}
_YEARS = 5
"""A schedule that does not come up within so many years never does (the 30th of February)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both kinds of day are restricted: either will do."""
    zone: tzinfo = UTC
    every: timedelta | None = None

    def after(self, moment: datetime) -> datetime | None:
        """The next time strictly after ``moment``, in UTC; None where there is none."""
        if self.every is not None:
            return moment.replace(microsecond=0) + self.every
        local = moment.astimezone(self.zone).replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=1)
        limit = local.year + _YEARS
        while local.year <= limit:
            step = self._next_candidate(local)
            if step == local:
                found = local.replace(tzinfo=self.zone).astimezone(UTC)
                # A local time that a clock change skips or repeats is not to be run twice or before its time.
                if found > moment and found.astimezone(self.zone).replace(tzinfo=None) == local:
                    return found
                step = local + timedelta(minutes=1)
            local = step
        return None

    def _next_candidate(self, local: datetime) -> datetime:
        """``local`` itself where it fits, else the earliest time that might."""
        if local.month not in self.months:
            first = local.replace(day=1, hour=0, minute=0)
            return (first + timedelta(days=32)).replace(day=1)
        if not self._is_day(local):
            return local.replace(hour=0, minute=0) + timedelta(days=1)
        if local.hour not in self.hours:
            return local.replace(minute=0) + timedelta(hours=1)
        if local.minute not in self.minutes:
            return local + timedelta(minutes=1)
        return local

    def _is_day(self, local: datetime) -> bool:
        by_month, by_week = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week


def parse(text: str, zone: tzinfo = UTC) -> Schedule:
    """Raises ValueError, which says what is wrong."""
    if text.startswith("@every "):
        return _every(text.removeprefix("@every ").strip())
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: {parts}")
    values = [_field(part, *field) for part, field in zip(parts, _FIELDS)]
    either = not _is_star(parts[2]) and not _is_star(parts[4])
    return Schedule(*values, either_day=either, zone=zone)


def _every(text: str) -> Schedule:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdigit() or int(number) < 1:
        raise ValueError(f"failed to parse duration @every {text}")
    nothing: frozenset[int] = frozenset()
    every = timedelta(seconds=int(number) * _UNITS[unit])
    return Schedule(nothing, nothing, nothing, nothing, nothing, either_day=False, every=every)


def _is_star(part: str) -> bool:
    return part.startswith(("*", "?"))


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        step = _number(step_text, name) if step_text else 1
        if step == 0:
            raise ValueError(f"step of range should be a positive number: {part}")
        if _is_star(span):
            first, last = low, high
        else:
            first_text, dash, last_text = span.partition("-")
            first = _number(first_text, name)
            last = _number(last_text, name) if dash else (high if step_text else first)
        # 7 is Sunday, too, in a range that ends the week.
        top = 7 if name == "day of week" else high
        if first < low or last > top or first > last:
            raise ValueError(f"{name} out of range: {part}")
        found.update(range(first, last + 1, step))
    return frozenset(n % 7 for n in found) if name == "day of week" else frozenset(found)


def _number(text: str, name: str) -> int:
    names = {"month": _MONTHS, "day of week": _DAYS}.get(name, {})
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdigit():
        raise ValueError(f"failed to parse int from {text}")
    return int(text)

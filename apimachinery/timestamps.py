"""metav1.Time and metav1.MicroTime as text: always UTC, seconds or microseconds, ending in Z."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """``2006-01-02T15:04:05Z``: metav1.Time, cut to the second. ``moment`` must know its zone."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}Z"


def micro(moment: datetime) -> str:
    """``2006-01-02T15:04:05.000000Z``: metav1.MicroTime. ``moment`` must know its zone."""
    return f"{rfc3339(moment)[:-1]}.{moment.microsecond:06}Z"


def parse(text: str) -> datetime:
    """Either form, any offset, as UTC; digits beyond microseconds are cut. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    return moment.astimezone(UTC)

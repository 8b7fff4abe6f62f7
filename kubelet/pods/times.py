"""Times that may be missing, on top of apimachinery's timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

from apimachinery import timestamps


def rfc3339(moment: datetime | None) -> str | None:
    return timestamps.rfc3339(moment) if moment else None


def parse(text: str | None) -> datetime | None:
    return timestamps.parse(text) if text else None


def utcnow() -> datetime:
    return datetime.now(UTC)

"""Durations as people read them, with two or three significant figures (k8s.io/apimachinery/pkg/util/duration)."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3600


def human(seconds: float) -> str:
    """``95s``, ``3m5s``, ``4h10m``, ``3d2h``, ``2y8d``; two seconds and more in the future is ``<invalid>``."""
    whole = int(seconds)
    if whole < 120:
        if whole < -1:
            return "<invalid>"
        return f"{whole}s" if whole > 0 else "0s"
    minutes = whole // _MINUTE
    if minutes < 10:
        return _pair(minutes, "m", whole % _MINUTE, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = whole // _HOUR
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    return _human_days(hours)


def _human_days(hours: int) -> str:
    days = hours // 24
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"

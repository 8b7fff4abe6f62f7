"""Signals as images and pods name them."""

from __future__ import annotations

import signal


def number(name: str) -> int:
    """``SIGTERM``, ``TERM``, ``15``, ``SIGRTMIN+3``. Raises ValueError for a name that means nothing."""
    text = name.strip().upper()
    if text.isdigit():
        return int(signal.Signals(int(text)) if int(text) < signal.SIGRTMIN else _realtime(int(text)))
    text = text if text.startswith("SIG") else "SIG" + text
    for base in ("SIGRTMIN", "SIGRTMAX"):
        offset = text.removeprefix(base)
        if offset != text and offset:
            return _realtime(int(signal.Signals[base]) + int(offset))
    try:
        return int(signal.Signals[text])
    except KeyError:
        raise ValueError(f"unknown signal {name!r}") from None


def _realtime(value: int) -> int:
    if not signal.SIGRTMIN <= value <= signal.SIGRTMAX:
        raise ValueError(f"unknown signal {value}")
    return value

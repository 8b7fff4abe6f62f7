"""Kernel settings of the machine that a cluster changes: recorded before, put back after the last that needs them.

Settings of the cluster's own bridge are not recorded: they go with it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RECORDS = Path("/run/knarr-sysctls.json")
"""{setting: {"before": value, "users": [cluster]}}; shared by all clusters of the machine, gone with the last."""
_SYSCTL = Path("/proc/sys")


def ensure(user: str, settings: dict[str, str], *, records: Path = RECORDS, sysctl: Path = _SYSCTL) -> None:
    """Paths below /proc/sys to values."""
    with _locked(records) as known:
        for setting, value in settings.items():
            current = (sysctl / setting).read_text().strip()
            entry = known.get(setting)
            if entry is None:
                if current == value:
                    continue
                entry = known[setting] = {"before": current, "users": []}
            if user not in entry["users"]:
                entry["users"].append(user)
            _save(records, known)
            if current != value:
                (sysctl / setting).write_text(value)


def remove(user: str, *, records: Path = RECORDS, sysctl: Path = _SYSCTL) -> None:
    if not records.exists():
        return
    with _locked(records) as known:
        for setting, entry in list(known.items()):
            if user in entry["users"]:
                entry["users"].remove(user)
            if not entry["users"]:
                del known[setting]
                if (sysctl / setting).exists():
                    (sysctl / setting).write_text(entry["before"])
        _save(records, known)


@contextmanager
def _locked(records: Path) -> Iterator[dict[str, Any]]:
    """The records under a lock; the file goes when it says nothing any more."""
    handle = os.open(records, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        text = os.pread(handle, 1 << 20, 0)
        try:
            known = json.loads(text) if text else {}
        except ValueError:
            known = {}
        yield known
        if not known:
            records.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _save(records: Path, known: dict[str, Any]) -> None:
    # In place: the lock is on this very file.
    records.write_text(json.dumps(known))

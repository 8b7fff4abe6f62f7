"""A container's last words: the file that it may write, or the end of its log where it failed without writing one."""

from __future__ import annotations

import os
from pathlib import Path

from kubelet.pods.configs import TERMINATION_PATH, TERMINATION_POLICY
from kubelet.runtime.api import ContainerStatus

MAX_MESSAGE, MAX_LOG, MAX_LINES = 4096, 2048, 80


def message(status: ContainerStatus) -> str:
    """Of an ended container; "" where it said nothing. The runtime's own message (why it couldn't start) goes first."""
    if status.message:
        return status.message
    wanted = status.annotations.get(TERMINATION_PATH, "")
    place = next((m.host_path for m in status.mounts if m.container_path == wanted), "")
    text = _read(place) if place else ""
    failed = status.exit_code != 0 or status.reason == "OOMKilled"
    if not text and failed and status.annotations.get(TERMINATION_POLICY) == "FallbackToLogsOnError":
        return _log_end(status.log_path)
    return text


def _read(place: str) -> str:
    """The container wrote it and may still: a link or a device isn't followed."""
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"Error on reading termination log {place}: {error.strerror}"
    with os.fdopen(fd, "rb") as file:
        return file.read(MAX_MESSAGE).decode(errors="replace")


def _log_end(place: str) -> str:
    try:
        with Path(place).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MAX_LOG - MAX_LINES * 64))
            lines = file.read().splitlines(keepends=True)
    except OSError as error:
        return f"Error on reading termination message from logs: {error}"
    words = b"".join(_content(line) for line in lines[-MAX_LINES:])
    return words[-MAX_LOG:].decode(errors="replace")


def _content(line: bytes) -> bytes:
    """Of a CRI log line: ``time stream tag content``; a partial one goes on in the next."""
    parts = line.split(b" ", 3)
    if len(parts) < 4:
        return b""
    return parts[3].rstrip(b"\n") if parts[2] == b"P" else parts[3]

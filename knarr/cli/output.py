"""What a person sees and what a program reads: progress on stderr, results on stdout, JSON under ``-o json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NoReturn

from knarr.errors import KnarrError


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class Progress:
    """Steps of a long operation, a line each; on a terminal the line under way turns."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status: Any = None
        self._console: Any = None

    @contextmanager
    def working(self, what: str) -> Iterator[Progress]:
        if self._quiet:
            yield self
            return
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        if not self._console.is_terminal:
            yield self
            return
        with self._console.status(what) as self._status:
            yield self

    def say(self, step: str, what: str) -> None:
        if self._quiet:
            return
        if self._console is None:
            sys.stderr.write(f"* {what}\n")
            return
        mark = "[yellow]![/]" if step == "ended" else "[green]✓[/]"
        self._console.print(f"{mark} {what}")


def write(text: str) -> None:
    """A line of the command's result."""
    sys.stdout.write(text + "\n")


def write_json(document: Any) -> None:
    write(json.dumps(document, indent=2, default=str))


def table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Columns as kubectl aligns them: upper-case heads, three spaces between."""
    cells = [columns, *[tuple(str(c) for c in row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        write("   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def fail(error: KnarrError, *, as_json: bool = False) -> NoReturn:
    """Print the error with its ID and remedy; exit with its code."""
    if as_json:
        write_json(error.document())
    else:
        sys.stderr.write(f"✗ {error.id}: {error.message}\n")
        if error.remedy:
            sys.stderr.write(f"  → {error.remedy}\n")
    raise SystemExit(error.exit_code)

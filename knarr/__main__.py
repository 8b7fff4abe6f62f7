"""``knarr`` and ``python -m knarr``."""

from __future__ import annotations

import sys


def main() -> int:
    from knarr.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())

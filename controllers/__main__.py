"""``python -m controllers --settings FILE``: all controllers in one process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

READY_FD = "KNARR_READY_FD"
"""Where the supervisor waits for one byte that says that the caches are filled."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT (0), or until something ends that must not (1)."""
    parser = argparse.ArgumentParser(prog="controllers", description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON file, as knarr makes it")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    arguments = parser.parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    from controllers.settings import Settings

    try:
        settings = Settings.load(arguments.settings)
    except (OSError, ValueError) as error:
        print(f"controllers: {error}", file=sys.stderr)  # noqa: T201 - the log is not the place for a usage error
        return 2
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(settings))


async def _run(settings: object) -> int:
    from controllers.manager import Manager
    from controllers.settings import Settings

    assert isinstance(settings, Settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await Manager(settings).run(stop, ready=say_ready)


def say_ready() -> None:
    descriptor = os.environ.pop(READY_FD, "")
    if descriptor:
        os.write(int(descriptor), b"1")
        os.close(int(descriptor))


if __name__ == "__main__":
    sys.exit(main())

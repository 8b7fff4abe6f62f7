"""``python -m kubelet --settings FILE [--teardown]``: the node agent of one cluster, in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from kubelet.settings import Settings, SettingsError

READY_FD = "KNARR_READY_FD"
PATIENCE_SECONDS = 30.0
"""The API server starts at the same time as we do."""
THREADS = 4
"""For file systems and netlink; more than the cores that a node has would only wait for one another."""
_M_ARENA_MAX = -8


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    _log_to_stderr(options.verbose)
    try:
        settings = Settings.load(options.settings)
    except SettingsError as error:
        sys.stderr.write(f"kubelet: {error}\n")
        return 2
    if options.teardown:
        return _teardown(settings)
    _keep_small()
    if settings.node_namespace:
        # Before any thread and any loop: every one of them has to be inside.
        from kubelet.network.node import NodeNamespace, enter

        enter(NodeNamespace(**settings.node_namespace))
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_run(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kubelet", description="The node agent of a knarr cluster.")
    parser.add_argument("--settings", required=True, metavar="FILE", help="JSON document, as knarr start writes it")
    parser.add_argument("--teardown", action="store_true", help="remove all that it made on this machine, and exit")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is decided, too")
    return parser


def _keep_small() -> None:
    """glibc gives each of our short-lived threads a heap of its own, which then stays: two are enough."""
    import ctypes

    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _run(settings: Settings) -> int:
    from apiclient.client import Client
    from apimachinery.version import GIT_VERSION
    from kubelet.agent import Agent
    from kubelet.wiring import machinery

    client = Client.from_kubeconfig(settings.kubeconfig, user_agent=f"kubelet/{GIT_VERSION}", patience=PATIENCE_SECONDS)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="kubelet"))
    agent = Agent(settings, client, machinery(settings), ready=_say_ready)
    task = asyncio.ensure_future(agent.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    except Exception:  # the top of the process: said in full, then the supervisor starts it again
        logging.getLogger(__name__).exception("kubelet failed")
    return 1


def _say_ready() -> None:
    """To whoever started us, once."""
    fd = os.environ.pop(READY_FD, "")
    if fd:
        os.write(int(fd), b"1")
        os.close(int(fd))


def _teardown(settings: Settings) -> int:
    from kubelet.teardown import teardown

    left = asyncio.run(teardown(settings))
    for line in left:
        sys.stderr.write(f"kubelet: could not remove {line}\n")
    return 1 if left else 0


def _log_to_stderr(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.Formatter.converter = time.gmtime
    for noisy in ("asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""``python -m apiserver --settings FILE``: serves until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys

import uvloop

from apiserver.server.listening import CannotListen, listen, server_tls
from apiserver.server.serving import create_server, tell_ready
from apiserver.settings import InvalidSettings, Settings

log = logging.getLogger("apiserver")


def main(argv: list[str]) -> int:
    """0 when it was told to stop, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="apiserver", description="The Kubernetes API server.")
    parser.add_argument("--settings", required=True, metavar="FILE", help="what to serve, as JSON")
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03dZ %(name)s %(levelname)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        settings = Settings.load(parser.parse_args(argv).settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serve(settings))
    except (InvalidSettings, CannotListen) as error:
        log.error("%s", error)
        return 1


async def serve(settings: Settings) -> int:
    """Until the signal. Addresses are taken first: a port that is in use is the likeliest failure."""
    sockets = listen(settings.listen)
    tls = server_tls(certificate=settings.tls_cert, key=settings.tls_key, client_ca=settings.client_ca)
    from apiserver.assembly import assemble

    assembly = await assemble(settings)
    server = create_server(assembly.app, tls=tls, stopping=assembly.begin_stopping)
    server.when_started = lambda: _started(settings)
    _settle_memory()
    try:
        await server.serve_on(sockets)
    finally:
        await assembly.close()
    return 0


def _started(settings: Settings) -> None:
    log.info("serving on %s", ", ".join(f"{address}:{port}" for address, port in settings.listen))
    tell_ready()


def _settle_memory() -> None:
    """What is there now stays: the collector need not look at it again, and need not run for every few requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

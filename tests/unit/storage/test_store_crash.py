"""A store that is killed in the middle of writing has every write that it acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from apiserver.storage.store import Store

WRITER = """
import asyncio, sys
from apiserver.storage.store import Store

async def client(store, number):
    entry, n = None, 0
    key = f"default/{number}"
    while True:
        n += 1
        document = {"metadata": {"name": str(number)}, "n": n, "filler": "x" * 500}
        if entry is None:
            entry = await store.create("configmaps", key, document)
        else:
            entry = await store.update("configmaps", key, document, entry.revision)
        sys.stdout.write(f"{number} {n} {entry.revision}\\n")
        sys.stdout.flush()

async def main():
    store = Store.open(sys.argv[1])
    await store.start()
    await asyncio.gather(*(client(store, n) for n in range(8)))

asyncio.run(main())
"""


def write_until_killed(url: str) -> dict[str, tuple[int, int]]:
    """What was acknowledged: {number of the client: (n, revision)}."""
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        lines: list[str] = []
        while len(lines) < 300:
            line = writer.stdout.readline()
            assert line, writer.stderr.read()
            lines.append(line)
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
    # The last line may have been cut off in the middle of its write to the pipe.
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {number: (int(n), int(revision)) for number, n, revision in whole}


async def test_every_acknowledged_write_survives_sigkill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    for _ in range(2):
        acknowledged = await asyncio.to_thread(write_until_killed, url)
        store = Store.open(url)
        await store.start()
        for number, (n, revision) in acknowledged.items():
            entry = store.get("configmaps", f"default/{number}")
            assert entry.revision >= revision
            assert entry.object["n"] >= n
        assert store.revision >= max(revision for _, revision in acknowledged.values())
        for entry in store.list("configmaps"):
            await store.delete("configmaps", entry.key, entry.copy(), entry.revision)
        await store.close()

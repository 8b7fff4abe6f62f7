"""Which pod has which address of the node's range: a file for each pod, so that the next kubelet knows too."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


class RangeExhausted(Exception):
    """Every address of the node's range is taken."""


@dataclass(slots=True)
class PodRecord:
    """``ports`` are [host port, container port, protocol, host address]."""

    uid: str
    namespace: str
    name: str
    address: str
    netns: str
    link: str
    ports: list[list[Any]] = field(default_factory=list)


class Addresses:
    """``root`` is the folder of the records; the range's first address is the bridge's own."""

    def __init__(self, root: Path, pod_cidr: str) -> None:
        self._root = root
        self._hosts = ipaddress.ip_network(pod_cidr)
        self.records: dict[str, PodRecord] = {}
        self._taken: set[str] = set()
        self._last = 1

    @property
    def gateway(self) -> str:
        return str(self._hosts[1])

    @property
    def prefixlen(self) -> int:
        return self._hosts.prefixlen

    def load(self) -> None:
        """Take up what an earlier process gave out; a torn file is dropped, its pod is set up anew."""
        self._root.mkdir(parents=True, exist_ok=True)
        for file in self._root.glob("*.json"):
            try:
                record = PodRecord(**json.loads(file.read_text()))
            except (ValueError, TypeError):
                file.unlink()
                continue
            self.records[record.uid] = record
            self._taken.add(record.address)

    def allocate(self) -> str:
        """The next free address after the last one given: an address rests before it is used again."""
        for address in self._in_turn():
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise RangeExhausted(f"no address of {self._hosts} is free")

    def release(self, address: str) -> None:
        self._taken.discard(address)

    def keep(self, record: PodRecord) -> None:
        self.records[record.uid] = record
        draft = self._root / f"{record.uid}.new"
        draft.write_text(json.dumps(asdict(record)))
        os.replace(draft, self._root / f"{record.uid}.json")

    def forget(self, uid: str) -> None:
        record = self.records.pop(uid, None)
        (self._root / f"{uid}.json").unlink(missing_ok=True)
        if record is not None:
            self.release(record.address)

    def _in_turn(self) -> Iterator[str]:
        count = self._hosts.num_addresses - 3
        for _ in range(count):
            self._last = 2 + (self._last - 1) % count
            yield str(self._hosts[self._last])

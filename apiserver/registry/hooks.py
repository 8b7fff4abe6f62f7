"""What others hang into a write: hooks before it, observers after it.

A hook runs in the write's own turn of the event loop, so it may look at the store and reserve; the function that it
returns is called exactly once, with whether the write was committed, and releases the reservation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from apiserver.storage.store import Observer

if TYPE_CHECKING:
    from apiserver.admission.plugin import Reader
    from apiserver.context import Operation

Finish = Callable[[bool], None]
Hook = Callable[["Operation", "Reader"], Finish | None]
Hooks = Mapping[str, tuple[Hook, ...]]
"""By GroupResource; ``*`` is every resource's and comes last, when nothing else refused the write (quota)."""

EVERY = "*"

__all__ = ["EVERY", "Finish", "Hook", "Hooks", "Observer", "Reservations"]


class Reservations:
    """The finish functions of one write: ``settle`` calls each once."""

    __slots__ = ("_finish",)

    def __init__(self) -> None:
        self._finish: list[Finish] = []

    def take(self, hooks: Iterable[Hook], op: Operation, reader: Reader) -> None:
        for hook in hooks:
            finish = hook(op, reader)
            if finish is not None:
                self._finish.append(finish)

    def settle(self, committed: bool) -> None:
        finish, self._finish = self._finish, []
        for each in finish:
            each(committed)

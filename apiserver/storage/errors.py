"""What a store refuses, and why. Each names the key or the revision; the registry words them for clients."""

from __future__ import annotations


class StoreError(Exception):
    """The root of what the store raises."""


class KeyExists(StoreError):
    """A create met a live object."""


class RevisionConflict(StoreError):
    """A write named another revision than the current one, or the object is gone."""


class Compacted(StoreError):
    """The revision asked for is older than what the log still tells."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"revision {revision} was compacted, the oldest is {oldest}")
        self.revision = revision
        self.oldest = oldest


class WriteFailed(StoreError):
    """The database refused or could not store a write; nothing of it is visible."""


class StoreInUse(StoreError):
    """Another process has the database open."""

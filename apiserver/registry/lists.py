"""Lists: at the newest revision from memory, at an older one from memory or the log, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery.errors import Expired
from apimachinery.kinds.kind import Kind
from apiserver.registry.api import ListOptions, ListResult
from apiserver.registry.conversions import ready
from apiserver.registry.places import key_of, prefix_of, resource_of, shown
from apiserver.registry.revisions import (
    EXACT,
    LIST_TOO_OLD,
    ContinueExpired,
    check_list,
    decode_continue,
    encode_continue,
    parse_revision,
    too_large,
)
from apiserver.registry.selection import Selection, selection
from apiserver.storage.errors import Compacted

if TYPE_CHECKING:
    from apiserver.storage.entry import Entry
    from apiserver.storage.store import Store


async def list_entries(store: Store, kind: Kind, namespace: str, options: ListOptions) -> ListResult:
    """Raises BadRequest, Invalid, Expired, Timeout (a revision of the future)."""
    selected = selection(kind, options.label_selector, options.field_selector)
    namespace = namespace or (kind.namespaced and selected.namespace) or ""
    if options.continue_:
        return await _next_page(store, kind, namespace, options, selected)
    check_list(options)
    revision = parse_revision(options.resource_version)
    if revision > store.revision:
        raise too_large(revision, store.revision)
    # A limit with a revision asks for that one exactly, unless said otherwise; "0" is served whole from memory.
    exact = options.resource_version_match == EXACT or (
        bool(options.limit) and revision > 0 and not options.resource_version_match
    )
    limit = 0 if options.resource_version == "0" and not options.resource_version_match else options.limit
    if exact and revision != store.revision:
        try:
            entries = await store.list_at(resource_of(kind), revision, prefix_of(kind, namespace))
        except Compacted as error:
            raise Expired(LIST_TOO_OLD) from error
        return await _page(kind, namespace, entries, selected, limit, revision)
    return await _page(kind, namespace, _current(store, kind, namespace, selected), selected, limit, store.revision)


def _current(store: Store, kind: Kind, namespace: str, selected: Selection) -> list[Entry]:
    resource = resource_of(kind)
    if selected.name is not None and (namespace or not kind.namespaced):
        entry = store.get(resource, key_of(kind, namespace, selected.name))
        return [] if entry is None else [entry]
    return store.list(resource, prefix_of(kind, namespace))


async def _next_page(store: Store, kind: Kind, namespace: str, options: ListOptions, selected: Selection) -> ListResult:
    check_list(options)
    prefix = prefix_of(kind, namespace)
    start, revision = decode_continue(options.continue_)
    if revision < 0:
        entries = store.list(resource_of(kind), prefix, prefix + start)
        return await _page(kind, namespace, entries, selected, options.limit, store.revision)
    if revision > store.revision:
        raise too_large(revision, store.revision)
    try:
        entries = await store.list_at(resource_of(kind), revision, prefix, prefix + start)
    except Compacted as error:
        raise ContinueExpired(encode_continue(start, -1)) from error
    return await _page(kind, namespace, entries, selected, options.limit, revision)


async def _page(
    kind: Kind, namespace: str, entries: list[Entry], selected: Selection, limit: int, revision: int
) -> ListResult:
    if kind.custom is not None and kind.custom.convert is not None:
        await ready(kind, entries)
    if not limit or limit >= len(entries):
        return ListResult(_shown(kind, entries, selected), str(revision))
    if selected.empty:
        taken = entries[:limit]
        last, remaining = len(taken), len(entries) - limit
        found = _shown(kind, taken, selected)
    else:
        found, last = _first(kind, entries, selected, limit)
        remaining = None
    if last == len(entries):
        return ListResult(found, str(revision))
    start = entries[last - 1].key.removeprefix(prefix_of(kind, namespace)) + "\0"
    return ListResult(found, str(revision), encode_continue(start, revision), remaining)


def _shown(kind: Kind, entries: list[Entry], selected: Selection) -> list[Entry]:
    if kind.from_stored is not None:
        entries = [shown(kind, e) for e in entries]
    return selected.select(entries)


def _first(kind: Kind, entries: list[Entry], selected: Selection, limit: int) -> tuple[list[Entry], int]:
    """The first ``limit`` that match, and how many entries were looked at."""
    found: list[Entry] = []
    for count, entry in enumerate(entries, 1):
        entry = shown(kind, entry)
        if selected.matches(entry):
            found.append(entry)
            if len(found) == limit:
                return found, count
    return found, len(entries)

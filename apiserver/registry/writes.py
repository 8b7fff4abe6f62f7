"""Create, update and delete of one object: the order of steps is upstream's (registry/generic/registry/store.go).

    decode, default, managed fields, admit, identity, hooks, prepare, validate, validating admission, quota, store

An object of the store is shared and never changed; what goes in belongs to the store.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import orjson

from apimachinery import names, timestamps
from apimachinery.errors import AlreadyExists, Conflict, Forbidden, InternalError, Invalid, NotFound
from apimachinery.fielderrors import FieldError, invalid
from apimachinery.kinds.kind import Document, Kind, Subresource
from apiserver.context import Operation
from apiserver.registry import deletions, documents
from apiserver.registry.conversions import shown_soon, to_store
from apiserver.registry.hooks import EVERY, Hooks, Reservations
from apiserver.registry.places import StoreReader, key_of, resource_of, shown
from apiserver.storage.errors import KeyExists, RevisionConflict, WriteFailed

if TYPE_CHECKING:
    from apiserver.registry.api import WriteOptions
    from apiserver.storage.entry import Entry
    from apiserver.storage.store import Store

MOST_NAMES = 8
"""Names that are tried for a generateName."""


class AdmissionChain(Protocol):
    async def admit(self, op: Operation) -> None: ...

    async def validate(self, op: Operation) -> None: ...


class Changed(Exception):
    """The object changed since it was read: read it and try again, or tell the client."""


class Writes:
    def __init__(
        self,
        store: Store,
        reader: StoreReader,
        *,
        admission: AdmissionChain,
        hooks: Hooks,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._store = store
        self._reader = reader
        self._admission = admission
        self._hooks = hooks
        self._now = now
        self._random = random

    def current(self, kind: Kind, namespace: str, name: str) -> Entry | None:
        entry = self._store.get(resource_of(kind), key_of(kind, namespace, name))
        return None if entry is None else shown(kind, entry)

    async def admit(
        self,
        verb: str,
        kind: Kind,
        namespace: str,
        name: str,
        subresource: str,
        body: Document,
        options: WriteOptions,
    ) -> Document:
        op = self._operation(verb, kind, namespace, name, subresource, body, None, options)
        if verb == "CONNECT":
            op.options = {}
        await self._admission.admit(op)
        await self._admission.validate(op)
        admitted: Document = op.object
        return admitted

    async def insert(self, kind: Kind, namespace: str, body: Document, options: WriteOptions) -> Entry:
        """``body`` is accepted, in its namespace and has defaults and managed fields. Raises AlreadyExists."""
        metadata = body["metadata"]
        if kind.custom is not None and kind.custom.terminating:
            why = "create not allowed while custom resource definition is terminating"
            raise Forbidden.of(kind.plural, metadata.get("name") or "", why, group=kind.group)
        if metadata.get("finalizers"):
            self._warn_of_finalizers(kind, metadata, {}, options)
        op = self._operation("CREATE", kind, namespace, metadata.get("name", ""), "", body, None, options)
        await self._admission.admit(op)
        body, held = op.object, Reservations()
        documents.without_duplicate_owners(body["metadata"], options.warnings)
        generated = self._identify(kind, namespace, body)
        try:
            held.take(self._hooks.get(kind.resource, ()), op, self._reader)
            self._prepare_create(kind, body)
            _refuse(kind, body["metadata"]["name"], _creation_errors(kind, body))
            await self._admission.validate(op)
            held.take(self._hooks.get(EVERY, ()), op, self._reader)
            entry = await self._store_new(kind, namespace, body, options, generated)
        except BaseException:
            held.settle(False)
            raise
        held.settle(not options.dry_run)
        return entry

    @staticmethod
    def _warn_of_finalizers(kind: Kind, new: Document, old: Document, options: WriteOptions) -> None:
        """Built-in kinds have rules for them; of custom resources something is only said."""
        if kind.custom is not None:
            from apimachinery.custom.finalizers import finalizer_warnings

            options.warnings += finalizer_warnings(new["finalizers"], old.get("finalizers") or ())

    def _identify(self, kind: Kind, namespace: str, body: Document) -> bool:
        """Sets uid, age and where asked for a name. Returns whether the name was generated."""
        metadata = body["metadata"]
        metadata["uid"] = str(UUID(int=self._random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = timestamps.rfc3339(self._now())
        if kind.generation:
            metadata["generation"] = 1
        base = metadata.get("generateName")
        if metadata.get("name") or not base:
            metadata.setdefault("name", "")
            return False
        for _ in range(MOST_NAMES):
            metadata["name"] = names.generate(base, self._random)
            if self._store.get(resource_of(kind), key_of(kind, namespace, metadata["name"])) is None:
                break
        return True

    def _prepare_create(self, kind: Kind, body: Document) -> None:
        if kind.has_status:
            body.pop("status", None)
        kind.prepare_create(body)
        if kind.has_status and kind.custom is None:
            body.setdefault("status", {})
        # Once more: admission may have added parts, and the status that was dropped has defaults, too.
        kind.set_defaults(body)

    async def _store_new(
        self, kind: Kind, namespace: str, body: Document, options: WriteOptions, generated: bool
    ) -> Entry:
        metadata = body["metadata"]
        for _ in range(MOST_NAMES):
            key = key_of(kind, namespace, metadata["name"])
            try:
                return await self._commit_new(kind, key, body, options)
            except KeyExists:
                if not generated:
                    raise self._exists(kind, namespace, metadata["name"]) from None
                metadata["name"] = names.generate(metadata["generateName"], self._random)
        message = "already exists, the server was not able to generate a unique name for the object"
        name = metadata["name"]
        raise AlreadyExists(
            f'{kind.resource} "{name}" {message}', group=kind.group, kind=kind.plural, name=name, retry_after_seconds=1
        )

    async def _commit_new(self, kind: Kind, key: str, body: Document, options: WriteOptions) -> Entry:
        resource = resource_of(kind)
        if options.dry_run:
            if self._store.get(resource, key) is not None:
                raise KeyExists(key)
            return self._transient(key, 0, body)
        try:
            return await shown_soon(kind, await self._store.create(resource, key, await to_store(kind, body)))
        except WriteFailed as error:
            raise InternalError.of(error) from error

    def _exists(self, kind: Kind, namespace: str, name: str) -> AlreadyExists:
        error = AlreadyExists.of(kind.plural, name, group=kind.group)
        current = self._store.get(resource_of(kind), key_of(kind, namespace, name))
        if current is not None and current.object["metadata"].get("deletionTimestamp"):
            error.message = f"object is being deleted: {error.message}"
        return error

    async def replace(
        self,
        kind: Kind,
        namespace: str,
        current: Entry,
        new: Document,
        options: WriteOptions,
        *,
        subresource: str = "",
        track: Callable[[Document, Document], None] | None = None,
    ) -> Entry:
        """``new`` is accepted and has defaults. Raises Changed where ``current`` is no longer that; Conflict where
        ``new`` names another revision or uid than it."""
        old, held = current.object, Reservations()
        name = old["metadata"]["name"]
        self._check_identity(kind, new["metadata"], old["metadata"])
        part = next((s for s in kind.subresources if s.name == subresource), None) if subresource else None
        new = self._carry_over(kind, new, current, subresource, part)
        documents.without_duplicate_owners(new["metadata"], options.warnings)
        documents.keep_system_fields(new["metadata"], old["metadata"])
        if new["metadata"].get("finalizers"):
            self._warn_of_finalizers(kind, new["metadata"], old["metadata"], options)
        if track is not None:
            track(old, new)
        op = self._operation("UPDATE", kind, namespace, name, subresource, new, old, options)
        await self._admission.admit(op)
        new = op.object
        try:
            held.take(self._hooks.get(kind.resource, ()), op, self._reader)
            self._prepare_update(kind, new, old, subresource, part)
            _refuse(kind, name, _update_errors(kind, new, old, subresource, part))
            await self._admission.validate(op)
            held.take(self._hooks.get(EVERY, ()), op, self._reader)
            entry = await self._store_changed(kind, current, new, old, options)
        except BaseException:
            held.settle(False)
            raise
        held.settle(not options.dry_run)
        return entry

    def _check_identity(self, kind: Kind, metadata: Document, old: Document) -> None:
        uid, revision, name = metadata.get("uid"), metadata.get("resourceVersion"), old["name"]
        if uid and uid != old["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['uid']}"
            raise Conflict.of(kind.plural, name, why, group=kind.group)
        if not revision or revision == "0":
            if kind.unconditional_update:
                return
            errors = [invalid("metadata.resourceVersion", 0, "must be specified for an update")]
            raise Invalid.of(kind.plural, name, errors, group=kind.group)
        if revision != old["resourceVersion"]:
            raise Conflict.modified(kind.plural, name, group=kind.group)

    def _carry_over(
        self, kind: Kind, new: Document, current: Entry, subresource: str, part: Subresource | None
    ) -> Document:
        """Status on a spec update, spec on a status update."""
        if subresource == "status":
            whole = current.copy()
            whole["metadata"] = new["metadata"]
            if "status" in new:
                whole["status"] = new["status"]
            else:
                whole.pop("status", None)
            return whole
        if kind.has_status and (part is None or part.prepare_update is None):
            old = current.object
            if "status" in old:
                new["status"] = documents.private(old["status"])
            else:
                new.pop("status", None)
        return new

    def _prepare_update(
        self, kind: Kind, new: Document, old: Document, subresource: str, part: Subresource | None
    ) -> None:
        now = timestamps.rfc3339(self._now())
        if subresource == "status":
            kind.prepare_status_update(new, old, now)
        elif part is not None and part.prepare_update is not None:
            part.prepare_update(new, old, now)
        elif not subresource:
            kind.prepare_update(new, old)
        documents.keep_system_fields(new["metadata"], old["metadata"])
        # Where a pod runs is no change of what was asked for.
        if subresource not in ("status", "binding"):
            documents.bump_generation(kind, new, old)

    async def _store_changed(
        self, kind: Kind, current: Entry, new: Document, old: Document, options: WriteOptions
    ) -> Entry:
        resource, key = resource_of(kind), current.key
        if deletions.ends_with_update(kind, new, old):
            if options.dry_run:
                return self._transient(key, current.revision, new)
            return await self._end(kind, current, new)
        if new == old:
            # As upstream: nothing is written, no revision is spent, no watcher is told.
            return current
        if options.dry_run:
            return self._transient(key, current.revision, new)
        try:
            document = await to_store(kind, new)
            return await shown_soon(kind, await self._store.update(resource, key, document, current.revision))
        except RevisionConflict as error:
            raise Changed from error
        except WriteFailed as error:
            raise InternalError.of(error) from error

    async def remove(
        self, kind: Kind, namespace: str, current: Entry, delete_options: Document, options: WriteOptions
    ) -> tuple[Entry, bool]:
        """(the object as it was or now is, whether it is gone). Raises Changed."""
        old = current.object
        op = self._operation("DELETE", kind, namespace, old["metadata"]["name"], "", None, old, options)
        op.options = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", **delete_options}
        await self._admission.admit(op)
        await self._admission.validate(op)
        plan = deletions.plan(kind, old, delete_options, self._now())
        if plan.document is None:
            return current, False
        if options.dry_run:
            return self._transient(current.key, current.revision, plan.document), plan.now
        if plan.now:
            return await self._end(kind, current, plan.document), True
        if plan.document == old:
            return current, False
        try:
            document = await to_store(kind, plan.document)
            change = self._store.update(resource_of(kind), current.key, document, current.revision)
            return await shown_soon(kind, await change), False
        except RevisionConflict as error:
            raise Changed from error
        except WriteFailed as error:
            raise InternalError.of(error) from error

    async def _end(self, kind: Kind, current: Entry, last_state: Document) -> Entry:
        try:
            document = await to_store(kind, last_state)
            end = self._store.delete(resource_of(kind), current.key, document, current.revision)
            return await shown_soon(kind, await end)
        except RevisionConflict as error:
            raise Changed from error
        except WriteFailed as error:
            raise InternalError.of(error) from error

    def _transient(self, key: str, revision: int, document: Document) -> Entry:
        """What a dry run answers: never in the store."""
        from apiserver.storage.entry import Entry

        metadata = document["metadata"]
        if revision:
            metadata["resourceVersion"] = str(revision)
        else:
            metadata.pop("resourceVersion", None)
        return Entry(key, revision, orjson.dumps(document), self._store.parsed, document)

    def _operation(
        self,
        verb: str,
        kind: Kind,
        namespace: str,
        name: str,
        subresource: str,
        new: Any,
        old: Document | None,
        options: WriteOptions,
    ) -> Operation:
        return Operation(
            verb,
            kind,
            namespace,
            name,
            subresource,
            new,
            old,
            options.user,
            documents.options_document(f"{verb.capitalize()}Options", options),
            options.dry_run,
            options.warnings,
            options.judged,
        )


def not_found(kind: Kind, name: str) -> NotFound:
    return NotFound.of(kind.plural, name, group=kind.group)


def _refuse(kind: Kind, name: str, errors: list[FieldError]) -> None:
    if errors:
        raise Invalid.of(kind.kind, name, errors, group=kind.group)


def _creation_errors(kind: Kind, new: Document) -> list[FieldError]:
    from apimachinery.validation import metadata

    return [*metadata.validate_create(kind, new), *kind.validate_create(new)]


def _update_errors(
    kind: Kind, new: Document, old: Document, subresource: str, part: Subresource | None
) -> list[FieldError]:
    from apimachinery.validation import metadata

    errors = list(metadata.validate_update(kind, new, old))
    if subresource == "status":
        errors += kind.validate_status_update(new, old)
    elif part is not None and part.validate_update is not None:
        errors += part.validate_update(new, old)
    elif not subresource or subresource == "scale":
        errors += kind.validate_update(new, old)
    # Other subresources (binding, finalize) change what an update of the object itself may not.
    return errors

"""namespaces/finalize: the namespace controller takes its finalizer away, and with the last one the namespace goes.

Source of meaning: pkg/registry/core/namespace/storage.
"""

from __future__ import annotations

from apimachinery.errors import NotFound
from apiserver.virtual import documents
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document


async def finalize(call: Call) -> tuple[int, Document]:
    namespace = documents.body(call)
    entry, _ = await call.registry.update(call.kind, "", call.name, namespace, call.options, subresource="finalize")
    found = entry.object
    metadata = found["metadata"]
    held = (found.get("spec") or {}).get("finalizers") or metadata.get("finalizers")
    if metadata.get("deletionTimestamp") and not held:
        try:
            await call.registry.delete(
                call.kind, "", call.name, {"preconditions": {"uid": metadata["uid"]}}, call.options
            )
        except NotFound:
            # The update itself was enough.
            pass
    return 200, found

"""What the API server mends in an object before it validates it (upstream's PrepareForCreate and PrepareForUpdate).

Functions on documents, in place. ``create(obj)`` runs when name, uid and creationTimestamp are known; ``update(new,
old)`` and ``status_update(new, old, now)`` run after generic code kept status or spec of ``old``, whose values may be
taken over but never changed.
"""

"""The patches that are computed from a document and a patch alone: JSON, merge and strategic merge.

Each ``apply`` returns a new document that may share parts with both inputs, and changes neither. Server-side apply is
in ``managedfields``.
"""

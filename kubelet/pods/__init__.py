"""Pods: what is wanted (documents), what is (observed), what to do about it (plan), doing it, and saying so (status).

Decisions (``plan``, ``status``, ``conditions``, ``admission`` and what builds configurations) are plain functions over
documents, without I/O. What waits or touches the machine is in ``worker``, ``starting``, ``stopping`` and ``probing``.
"""

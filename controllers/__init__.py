"""What converges the cluster: an engine (cache, queues, applying) and pure reconcilers, one kind a file.

A reconciler is a plain function ``(key, reader, now) -> list[Action]``: no I/O, no clock, no ``async``. What it decides
is applied by controllers.engine, which alone talks to the API server.
"""

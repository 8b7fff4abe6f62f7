"""Resources that are not stored, and subresources that mean more than a write of their object.

``ALL`` is keyed by (GroupResource, subresource), for example ("tokenreviews.authentication.k8s.io", "") or
("pods", "binding"). The HTTP layer looks here first and asks the registry for everything else; every verb of a key
that stands here goes to its handler. Code that stores objects never belongs here: handlers go through the registry.
"""

from __future__ import annotations

from apiserver.virtual.call import Call, Handler, Services

ALL: dict[tuple[str, str], Handler] = {}

__all__ = ["ALL", "Call", "Handler", "Services"]

"""Resources that are not stored, and subresources that mean more than a write of their object.

``ALL`` is keyed by (GroupResource, subresource), for example ("tokenreviews.authentication.k8s.io", "") or
("pods", "binding"). The HTTP layer looks here first and asks the registry for everything else; every verb of a key
that stands here goes to its handler. ``scale`` serves the scale of custom resources too. Code that stores objects never
belongs here: handlers go through the registry.
"""

from __future__ import annotations

from apiserver.virtual import authentication, authorization, components, eviction, pods
from apiserver.virtual.call import Call, Handler, Services
from apiserver.virtual.scaling import scale

_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"

ALL: dict[tuple[str, str], Handler] = {
    (f"tokenreviews.{_AUTHENTICATION}", ""): authentication.review_token,
    (f"selfsubjectreviews.{_AUTHENTICATION}", ""): authentication.review_self,
    (f"subjectaccessreviews.{_AUTHORIZATION}", ""): authorization.review_access,
    (f"localsubjectaccessreviews.{_AUTHORIZATION}", ""): authorization.review_local_access,
    (f"selfsubjectaccessreviews.{_AUTHORIZATION}", ""): authorization.review_own_access,
    (f"selfsubjectrulesreviews.{_AUTHORIZATION}", ""): authorization.review_own_rules,
    ("serviceaccounts", "token"): authentication.request_token,
    ("bindings", ""): pods.bind,
    ("pods", "binding"): pods.bind,
    ("pods", "eviction"): eviction.evict,
    ("componentstatuses", ""): components.show,
    ("deployments.apps", "scale"): scale,
    ("replicasets.apps", "scale"): scale,
    ("statefulsets.apps", "scale"): scale,
    ("replicationcontrollers", "scale"): scale,
}

__all__ = ["ALL", "Call", "Handler", "Services", "scale"]

"""The built-in kinds, as data. A module a group or area, each with a tuple ``ALL``; here they are one table.

Whatever costs time to import (defaults, strategies, validation, printers) is referred to lazily: every process imports
this package, only the API server needs those.
"""

from __future__ import annotations

from apimachinery.kinds import (
    autoscaling,
    batch,
    certificates,
    core,
    devices,
    events,
    extensions,
    flowcontrol,
    networking,
    pods,
    policy,
    rbac,
    reviews,
    services,
    storage,
    workloads,
)
from apimachinery.kinds.kind import Kind

ALL: tuple[Kind, ...] = (
    *core.ALL,
    *pods.ALL,
    *services.ALL,
    *storage.ALL,
    *events.ALL,
    *workloads.ALL,
    *batch.ALL,
    *autoscaling.ALL,
    *networking.ALL,
    *policy.ALL,
    *rbac.ALL,
    *reviews.ALL,
    *certificates.ALL,
    *flowcontrol.ALL,
    *extensions.ALL,
    *devices.ALL,
)

_BY_PLURAL = {(kind.group, kind.version, kind.plural): kind for kind in ALL}
_BY_KIND = {(kind.group, kind.version, kind.kind): kind for kind in ALL}
_PREFERRED = {kind.resource: kind for kind in reversed(ALL)}


def named(resource: str) -> Kind:
    """The kind of ``pods`` or ``deployments.apps`` in its preferred version. Raises KeyError."""
    return _PREFERRED[resource]


def find(group: str, version: str, plural: str) -> Kind | None:
    """The kind of a URL's group, version and resource."""
    return _BY_PLURAL.get((group, version, plural))


def by_kind(group: str, version: str, kind: str) -> Kind | None:
    """The kind of an object's apiVersion and kind."""
    return _BY_KIND.get((group, version, kind))

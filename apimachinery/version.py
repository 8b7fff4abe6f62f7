"""The version of Kubernetes that is served: what /version, nodes and clients are told."""

from __future__ import annotations

MAJOR = "1"
MINOR = "36"
GIT_VERSION = "v1.36.2"

"""Kubernetes' protobuf bodies as documents: typed Go clients, kubectl's among them, send no JSON for built-in kinds.

Only reading: every such client takes JSON answers. ``messages.json`` tells the fields of each message; it is written by
``hack/update-protobuf-messages``.
"""

from apimachinery.protobuf.decoding import MEDIA_TYPE, decode

__all__ = ["MEDIA_TYPE", "decode"]

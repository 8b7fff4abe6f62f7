"""Cluster DNS on this node: names of Services and pods out of the kubelet's own cache, other names from upstream.

Source of meaning: the Kubernetes DNS specification (schema version 1.1.0).
"""

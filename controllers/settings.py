"""What this program is told: one JSON document, made by the knarr command or by hand."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Settings:
    kubeconfig: str
    """Who we are and where the API server is."""
    pod_cidr: str
    """The cluster's range of pod addresses; each node gets a part of it."""
    service_cidr: str
    volumes_dir: str
    """Where the provisioner of the class ``standard`` makes directories."""
    ca_file: str
    """PEM: what pods trust, published as the ConfigMap kube-root-ca.crt."""
    ca_key: str = ""
    """PEM: the key of that CA, with which certificates are signed. Empty: none are."""
    service_account_key: str = ""
    """PEM: signs the tokens that Secrets hold. Empty: such Secrets are left as they are."""
    node_cidr_mask: int = 24
    """Bits of a node's part: 254 addresses, upstream's default."""
    node_monitor_grace_seconds: float = 40
    """A node whose lease is older is NotReady. (Upstream: 50 s, of which a part covers clock skew between machines.)"""
    cluster_name: str = "knarr"

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """Raises ValueError, which names what is missing or unknown, and OSError."""
        document = orjson.loads(Path(path).read_bytes())
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(document) - known)
        missing = sorted({"kubeconfig", "pod_cidr", "service_cidr", "volumes_dir", "ca_file"} - set(document))
        if unknown or missing:
            raise ValueError(f"{path}: unknown settings {unknown}, missing settings {missing}")
        return cls(**document)

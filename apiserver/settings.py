"""What the API server is told: one JSON document, read once in ``__main__``."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


class InvalidSettings(Exception):
    """The file is not readable, or says too little or too much."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths are absolute. Every field is required: the ``knarr`` command decides, this program does not guess."""

    listen: tuple[tuple[str, int], ...]
    """(address, TCP port) pairs. An address may come into being later: the kubelet makes the bridge."""
    advertise_address: str
    """Where the endpoints of the ``kubernetes`` Service point to."""
    advertise_port: int
    database: str
    """SQLAlchemy URL."""
    tls_cert: str
    tls_key: str
    client_ca: str
    """Signs the client certificates that count."""
    service_account_key: str
    service_account_public_key: str
    service_account_issuer: str
    kubelet_client_cert: str
    """Who this server is when it calls kubelets."""
    kubelet_client_key: str
    kubelet_ca: str
    """Signs the kubelets' serving certificates."""
    front_proxy_ca: str
    """Signs who may tell aggregated API servers who asks."""
    front_proxy_cert: str
    """Who this server is when it passes requests on to them."""
    front_proxy_key: str
    service_cidr: str
    node_port_range: tuple[int, int]
    """First and last."""
    pod_cidr: str

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """Raises InvalidSettings."""
        try:
            return cls.of(json.loads(Path(path).read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise InvalidSettings(f"cannot use the settings in {path}: {error}") from error

    @classmethod
    def of(cls, values: dict[str, Any]) -> Settings:
        """Raises ValueError that names every key that is missing or unknown."""
        known = {f.name for f in fields(cls)}
        wrong = [f"{k} is missing" for k in sorted(known - values.keys())]
        wrong += [f"{k} is unknown" for k in sorted(values.keys() - known)]
        if wrong:
            raise ValueError(", ".join(wrong))
        given = dict(values)
        given["listen"] = tuple((str(address), int(port)) for address, port in values["listen"])
        first, last = values["node_port_range"]
        given["node_port_range"] = (int(first), int(last))
        return cls(**given)

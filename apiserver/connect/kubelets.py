"""TLS towards kubelets: this server shows its own certificate and checks theirs."""

from __future__ import annotations

import ssl


class KubeletTls:
    """Contexts are made at first use: most servers are asked for pods long before anybody reads a log."""

    def __init__(self, *, certificate: str, key: str, ca: str) -> None:
        self._certificate = certificate
        self._key = key
        self._ca = ca
        self._made: dict[bool, ssl.SSLContext] = {}

    def context(self, *, verify: bool = True) -> ssl.SSLContext:
        found = self._made.get(verify)
        if found is None:
            found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            found.load_cert_chain(self._certificate, self._key)
            if verify:
                found.load_verify_locations(self._ca)
            else:
                found.check_hostname = False
                found.verify_mode = ssl.CERT_NONE
            self._made[verify] = found
        return found

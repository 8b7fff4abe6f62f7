"""The kubelet's HTTPS server: exec, attach, port-forward, logs, statistics and the node's images.

Only the API server's own certificate is let in. What pods exist and how containers are reached is asked of ``Backend``.
"""

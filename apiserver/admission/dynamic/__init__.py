"""Admission that users configure while the server runs: webhooks and policies of admissionregistration.k8s.io/v1.

What a request is compared with (``attributes``, ``matching``), what is configured (``sources``), and what then judges
it: ``webhooks`` over HTTPS, ``policies`` in CEL. Nothing here knows storage or HTTP requests of clients.
"""

"""The command that people type: clusters on disk, certificates, supervision, images, contexts.

What belongs here: everything about a cluster as a whole. What never does: anything that an API server, a controller
or a kubelet decides; those are separate programs that this one starts and otherwise reaches over HTTPS.
"""

__version__ = "0.1.0"

"""The native runtime: OCI containers by crun, watched over by conmon, on overlayfs, in namespaces that a sandbox pins.

What is decided is a pure function (``spec``, ``overlay.options``, ``conmon.argv``); what is done goes through the
gateways ``kubelet.kernel`` and ``kubelet.processes``. No pod policy belongs here: the kubelet says what to run and
when.
"""

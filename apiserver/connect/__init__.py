"""Requests that go on elsewhere: kubelets (exec, attach, port-forward, logs, their own API), pods and services.

After authorization bytes are passed on as they come. What they say is never understood here.
"""

"""The scheduler: which node a pod runs on. Pure: filters and scores are tables over a snapshot; the engine binds.

Source of meaning: k8s.io/kubernetes/pkg/scheduler with its default plugins.
"""

"""PersistentVolumes and their claims: binding, provisioning on the node's disk, reclaiming, protection while in use.

Source of meaning: k8s.io/kubernetes/pkg/controller/volume. The directories themselves are made and removed by the
engine's ``volume_directory`` effects.
"""

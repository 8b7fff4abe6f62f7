"""What makes pods out of templates: ReplicaSets, Deployments, DaemonSets, StatefulSets, Jobs and their kin. Pure."""

"""Small controllers that keep the cluster in order: published CA, pods without a node, finished jobs, quotas. Pure."""

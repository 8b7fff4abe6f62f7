"""What the control plane does about nodes: notices silence, taints, evicts, hands out pod ranges."""

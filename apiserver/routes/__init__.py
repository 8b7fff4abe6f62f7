"""HTTP: from a path to a verb on a kind, and back to bytes. What objects mean is the registry's business."""

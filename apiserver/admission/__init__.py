"""What stands between a valid object and the store: plugins that complete it or refuse it, in upstream's order."""

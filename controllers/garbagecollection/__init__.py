"""Objects go with their owners. Pure; what it has to look up at the API server is an effect of the engine."""

"""The generic registry, between routes and storage: defaults, validates, admits and keeps metadata, for every kind."""

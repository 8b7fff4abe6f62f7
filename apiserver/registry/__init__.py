"""The generic registry: between routes and storage. Defaults, validates, admits, and keeps metadata; for every kind alike."""

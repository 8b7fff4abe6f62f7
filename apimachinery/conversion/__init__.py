"""Kinds that are served in two versions: one is stored, the other is converted. Pure; nothing gets lost on the way."""

"""The append-only revision log in SQL, and the memory that all reads are served from.

It knows resources, keys, bytes and revisions, and seven verbs: create, get, list, update, delete, watch, compact.
What a kind, a selector or a user is never belongs here. Nothing else of the API server imports SQLAlchemy.
"""

"""What is wrong with an object, all of it at once, in upstream's words (pkg/apis/*/validation).

Functions on documents that have defaults: ``create(obj)`` and ``update(new, old)`` of a kind return field errors for
everything but metadata, which ``metadata`` checks for every kind. Types of fields are checked earlier, against the
schema. Only the API server imports these modules.
"""

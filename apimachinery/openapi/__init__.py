"""OpenAPI v2 and v3 of what is served, for kubectl explain, kubectl apply and client-side validation.

Made only when somebody asks, from the kind table and the bundled definitions (the texts are not kept in memory
afterwards). Each function takes kinds as ``apimachinery.kinds.kind.Kind``; callers cache what they get.
"""

from apimachinery.openapi.documents import v2_document, v3_document, v3_index

__all__ = ["v2_document", "v3_document", "v3_index"]

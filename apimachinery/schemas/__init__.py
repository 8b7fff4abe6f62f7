"""Field schemas of every v1.36 type, and what is done with them: checking, pruning, decoding.

The schemas come from the ``kubernetes-validate`` package's bundled definitions, compiled once into a small file that is
mapped into memory (``cache``); a definition is decoded when something asks for it. Nothing here knows kinds, requests
or storage.
"""

from apimachinery.schemas.builder import from_openapi
from apimachinery.schemas.cache import define, definitions, description, ensure, forget, schema
from apimachinery.schemas.checking import Problems, check
from apimachinery.schemas.decoding import decode, decode_yaml
from apimachinery.schemas.pruning import drop_nulls, prune
from apimachinery.schemas.schema import ANY, Field, Schema

__all__ = [
    "ANY",
    "Field",
    "Problems",
    "Schema",
    "check",
    "decode",
    "decode_yaml",
    "define",
    "definitions",
    "description",
    "drop_nulls",
    "ensure",
    "forget",
    "from_openapi",
    "prune",
    "schema",
]

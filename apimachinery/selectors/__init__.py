"""Label and field selectors: parsing, matching, and what an index can use of them.

Source: k8s.io/apimachinery/pkg/labels, pkg/fields and metav1.LabelSelectorAsSelector. Errors are ValueErrors in
upstream's words; the HTTP layer makes them BadRequest.
"""

from apimachinery.selectors.fields import escape, format_fields, parse_fields
from apimachinery.selectors.labels import EVERYTHING, NOTHING, LabelSelector, Requirement, from_document, from_map
from apimachinery.selectors.parser import parse_labels

__all__ = [
    "EVERYTHING",
    "NOTHING",
    "LabelSelector",
    "Requirement",
    "escape",
    "format_fields",
    "from_document",
    "from_map",
    "parse_fields",
    "parse_labels",
]

"""Who owns which field: server-side apply and the tracking of all other writes.

Source: k8s.io/apimachinery/pkg/util/managedfields and sigs.k8s.io/structured-merge-diff. A set of fields is kept in the
form that goes over the wire (fieldsV1: nested dicts), so that most writes touch one entry and decode nothing.
"""

from apimachinery.managedfields.applying import apply
from apimachinery.managedfields.entries import manager_name
from apimachinery.managedfields.tracking import track_update

__all__ = ["apply", "manager_name", "track_update"]

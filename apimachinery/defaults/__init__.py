"""What the API server fills in: upstream's defaults (pkg/apis/*/v1/defaults.go) for documents, in place, idempotent.

A function a kind, grouped as in ``apimachinery.kinds``. What upstream's typed objects show of themselves when they are
written out (``resources: {}``, ``divisor: "0"``, the second name of a service account) is filled in here too.
"""

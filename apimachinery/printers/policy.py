"""Classes, leases, certificates, flow control and devices: kinds with a line or two each."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import AGE, NAME, NONE, age_of, at, column, name_of, printer, text_at
from apimachinery.printers.core import name_and_age
from apimachinery.printers.durations import human


def lease_cells(obj: Document) -> list[Any]:
    return [name_of(obj), text_at(obj, "spec", "holderIdentity"), age_of(obj)]


def priority_class_cells(obj: Document) -> list[Any]:
    return [
        name_of(obj),
        obj.get("value") or 0,
        bool(obj.get("globalDefault")),
        age_of(obj),
        obj.get("preemptionPolicy") or "",
    ]


def runtime_class_cells(obj: Document) -> list[Any]:
    return [name_of(obj), obj.get("handler") or "", age_of(obj)]


def certificate_signing_request_cells(obj: Document) -> list[Any]:
    seconds = at(obj, "spec", "expirationSeconds")
    return [
        name_of(obj),
        age_of(obj),
        text_at(obj, "spec", "signerName") or NONE,
        text_at(obj, "spec", "username"),
        NONE if seconds is None else human(seconds),
        _request_state(obj.get("status") or {}),
    ]


def _request_state(status: Document) -> str:
    types = {c.get("type") for c in status.get("conditions") or ()}
    state = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    if "Failed" in types:
        state += ",Failed"
    return f"{state},Issued" if status.get("certificate") else state


def flow_schema_cells(obj: Document) -> list[Any]:
    conditions = at(obj, "status", "conditions") or ()
    return [
        name_of(obj),
        text_at(obj, "spec", "priorityLevelConfiguration", "name"),
        at(obj, "spec", "matchingPrecedence") or 0,
        text_at(obj, "spec", "distinguisherMethod", "type") or NONE,
        age_of(obj),
        next((c.get("status") or "" for c in conditions if c.get("type") == "Dangling"), "?"),
    ]


def priority_level_cells(obj: Document) -> list[Any]:
    limited = at(obj, "spec", "limited")
    queuing = at(limited, "limitResponse", "queuing") or {}
    return [
        name_of(obj),
        text_at(obj, "spec", "type"),
        (limited or {}).get("nominalConcurrencyShares", NONE),
        *(queuing.get(field, NONE) for field in ("queues", "handSize", "queueLengthLimit")),
        age_of(obj),
    ]


def resource_claim_cells(obj: Document) -> list[Any]:
    deleted = bool(obj["metadata"].get("deletionTimestamp"))
    states = ["deleted"] if deleted else []
    if at(obj, "status", "allocation") is not None:
        states.append("allocated")
        states += ["reserved"] if at(obj, "status", "reservedFor") else []
    elif not deleted:
        states.append("pending")
    return [name_of(obj), ",".join(states), age_of(obj)]


def resource_slice_cells(obj: Document) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("nodeName") or "",
        spec.get("driver") or "",
        text_at(spec, "pool", "name"),
        age_of(obj),
    ]


LEASE = printer((NAME, column("Holder", "coordination.v1.LeaseSpec.holderIdentity"), AGE), lease_cells)

PRIORITY_CLASS = printer(
    (
        NAME,
        column("Value", "scheduling.v1.PriorityClass.value", type="integer"),
        column("Global-Default", "scheduling.v1.PriorityClass.globalDefault", type="boolean"),
        AGE,
        column("PreemptionPolicy", "scheduling.v1.PriorityClass.preemptionPolicy"),
    ),
    priority_class_cells,
)

RUNTIME_CLASS = printer((NAME, column("Handler", "node.v1.RuntimeClass.handler"), AGE), runtime_class_cells)

CERTIFICATE_SIGNING_REQUEST = printer(
    (
        NAME,
        AGE,
        column("SignerName", "certificates.v1.CertificateSigningRequestSpec.signerName"),
        column("Requestor", "certificates.v1.CertificateSigningRequestSpec.request"),
        column("RequestedDuration", "certificates.v1.CertificateSigningRequestSpec.expirationSeconds"),
        column("Condition", "certificates.v1.CertificateSigningRequestStatus.conditions"),
    ),
    certificate_signing_request_cells,
)

FLOW_SCHEMA = printer(
    (
        NAME,
        column("PriorityLevel", "flowcontrol.v1.PriorityLevelConfigurationReference.name"),
        column("MatchingPrecedence", "flowcontrol.v1.FlowSchemaSpec.matchingPrecedence"),
        column("DistinguisherMethod", "flowcontrol.v1.FlowSchemaSpec.distinguisherMethod"),
        AGE,
        column("MissingPL", "references a broken or non-existent PriorityLevelConfiguration"),
    ),
    flow_schema_cells,
)

PRIORITY_LEVEL_CONFIGURATION = printer(
    (
        NAME,
        column("Type", "flowcontrol.v1.PriorityLevelConfigurationSpec.type"),
        column("NominalConcurrencyShares", "flowcontrol.v1.LimitedPriorityLevelConfiguration.nominalConcurrencyShares"),
        column("Queues", "flowcontrol.v1.QueuingConfiguration.queues"),
        column("HandSize", "flowcontrol.v1.QueuingConfiguration.handSize"),
        column("QueueLengthLimit", "flowcontrol.v1.QueuingConfiguration.queueLengthLimit"),
        AGE,
    ),
    priority_level_cells,
)

DEVICE_CLASS = printer((NAME, AGE), name_and_age)

RESOURCE_CLAIM = printer(
    (NAME, column("State", "A summary of the current state (allocated, pending, reserved, etc.)."), AGE),
    resource_claim_cells,
)

RESOURCE_CLAIM_TEMPLATE = printer((NAME, AGE), name_and_age)

RESOURCE_SLICE = printer(
    (
        NAME,
        column("Node", "resource.v1.ResourceSliceSpec.nodeName"),
        column("Driver", "resource.v1.ResourceSliceSpec.driver"),
        column("Pool", "resource.v1.ResourcePool.name"),
        AGE,
    ),
    resource_slice_cells,
)

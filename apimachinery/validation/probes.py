"""Probes and lifecycle hooks: what a container is asked, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    non_negatives,
    objects,
    one_of,
    port_name_or_number,
    port_number,
)

_TIMES = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_REALTIME = (
    "SIGRTMIN",
    *(f"SIGRTMIN+{n}" for n in range(1, 16)),
    *(f"SIGRTMAX-{n}" for n in range(14, 0, -1)),
    "SIGRTMAX",
)
_SIGNALS = (
    "SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL "
    "SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 "
    "SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ"
)


def probes(path: str, container: Document) -> Errors:
    errors: Errors = []
    liveness, readiness = container.get("livenessProbe"), container.get("readinessProbe")
    startup = container.get("startupProbe")
    if liveness is not None:
        errors += _probe(f"{path}.livenessProbe", liveness) + _once(f"{path}.livenessProbe", liveness)
    if readiness is not None:
        errors += _probe(f"{path}.readinessProbe", readiness)
        if readiness.get("terminationGracePeriodSeconds") is not None:
            grace, detail = readiness["terminationGracePeriodSeconds"], "must not be set for readinessProbes"
            errors.append(invalid(f"{path}.readinessProbe.terminationGracePeriodSeconds", grace, detail))
    if startup is not None:
        errors += _probe(f"{path}.startupProbe", startup) + _once(f"{path}.startupProbe", startup)
    return errors


def _once(path: str, probe: Document) -> Errors:
    threshold = probe.get("successThreshold") or 0
    return [] if threshold == 1 else [invalid(f"{path}.successThreshold", threshold, "must be 1")]


def _probe(path: str, probe: Document) -> Errors:
    errors = _handler(path, probe, None, ("exec", "httpGet", "tcpSocket", "grpc"))
    errors += non_negatives(probe, path, *_TIMES)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    return errors


def lifecycle(path: str, hooks: Document, grace: int | None, os: Document | None) -> Errors:
    """``grace``: the pod's terminationGracePeriodSeconds."""
    errors: Errors = []
    for hook in ("postStart", "preStop"):
        if hooks.get(hook) is not None:
            errors += _handler(f"{path}.{hook}", hooks[hook], grace, ("exec", "httpGet", "tcpSocket", "sleep"))
    if hooks.get("stopSignal") is not None:
        errors += _stop_signal(f"{path}.stopSignal", hooks["stopSignal"], os)
    return errors


def _stop_signal(path: str, signal: str, os: Document | None) -> Errors:
    if os is None:
        return [forbidden(path, "may not be set for containers with empty `spec.os.name`")]
    if os.get("name") == "windows":
        return one_of(path, signal, ("SIGKILL", "SIGTERM"))
    return one_of(path, signal, (*_SIGNALS.split(), *_REALTIME)) if os.get("name") == "linux" else []


def _handler(path: str, holder: Document, grace: int | None, kinds: tuple[str, ...]) -> Errors:
    given = [kind for kind in kinds if holder.get(kind) is not None]
    if not given:
        return [required(path, "must specify a handler type")]
    first, *others = given
    errors = _HANDLERS[first](f"{path}.{first}", holder[first], grace)
    return errors + [forbidden(f"{path}.{kind}", "may not specify more than 1 handler type") for kind in others]


def _exec(path: str, action: Document, grace: int | None) -> Errors:
    return [] if action.get("command") else [required(f"{path}.command")]


def _http_get(path: str, action: Document, grace: int | None) -> Errors:
    errors = [] if action.get("path") else [required(f"{path}.path")]
    errors += port_name_or_number(f"{path}.port", action.get("port"))
    errors += one_of(f"{path}.scheme", action.get("scheme") or "", ("HTTP", "HTTPS"))
    for header in objects(action, "httpHeaders"):
        name = header.get("name") or ""
        errors += [invalid(f"{path}.httpHeaders", name, message) for message in names.is_http_header_name(name)]
    return errors


def _tcp_socket(path: str, action: Document, grace: int | None) -> Errors:
    return port_name_or_number(f"{path}.port", action.get("port"))


def _grpc(path: str, action: Document, grace: int | None) -> Errors:
    return port_number(f"{path}.port", action.get("port"))


def _sleep(path: str, action: Document, grace: int | None) -> Errors:
    seconds = action.get("seconds") or 0
    if grace is None or 0 <= seconds <= grace:
        return []
    return [invalid(path, seconds, f"must be non-negative and less than terminationGracePeriodSeconds ({grace})")]


_HANDLERS: dict[str, Callable[[str, Any, int | None], Errors]] = {
    "exec": _exec,
    "httpGet": _http_get,
    "tcpSocket": _tcp_socket,
    "grpc": _grpc,
    "sleep": _sleep,
}

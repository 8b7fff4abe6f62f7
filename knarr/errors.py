"""What can go wrong for the person at the terminal: a stable ID, what happened, and the remedy.

IDs are promised: scripts match on them. Exit codes follow minikube's families (sysexits and above).
"""

from __future__ import annotations

from typing import ClassVar


class KnarrError(Exception):
    """``id`` is stable, ``exit_code`` belongs to its family, ``remedy`` says what to do next."""

    id: ClassVar[str] = "INTERNAL"
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def document(self) -> dict[str, object]:
        """As printed under ``-o json``."""
        return {"error": {"id": self.id, "message": self.message, "remedy": self.remedy, "exitCode": self.exit_code}}


class Usage(KnarrError):
    id, exit_code = "USAGE", 64


class ProfileNotFound(KnarrError):
    id, exit_code = "PROFILE_NOT_FOUND", 66


class ProfileInvalid(KnarrError):
    id, exit_code = "PROFILE_NAME_INVALID", 64


class ProfileConflict(KnarrError):
    id, exit_code = "PROFILE_SETTINGS_CONFLICT", 78


class NotRoot(KnarrError):
    id, exit_code = "HOST_NOT_ROOT", 77


class ProgramMissing(KnarrError):
    id, exit_code = "HOST_PROGRAM_MISSING", 69


class PortTaken(KnarrError):
    id, exit_code = "HOST_PORT_TAKEN", 73


class NoAddressRange(KnarrError):
    id, exit_code = "HOST_NO_ADDRESS_RANGE", 73


class DataDamaged(KnarrError):
    id, exit_code = "CLUSTER_DATA_DAMAGED", 65


class NotRunning(KnarrError):
    id, exit_code = "CLUSTER_NOT_RUNNING", 69


class StartTimeout(KnarrError):
    id, exit_code = "CLUSTER_START_TIMEOUT", 75


class ComponentFailed(KnarrError):
    id, exit_code = "CLUSTER_COMPONENT_FAILED", 70


class StopFailed(KnarrError):
    id, exit_code = "CLUSTER_STOP_FAILED", 70


class Busy(KnarrError):
    id, exit_code = "CLUSTER_BUSY", 75


class LeftBehind(KnarrError):
    id, exit_code = "CLUSTER_LEFT_BEHIND", 70


class KubeconfigInvalid(KnarrError):
    id, exit_code = "KUBECONFIG_INVALID", 65


class ServiceNotFound(KnarrError):
    id, exit_code = "SERVICE_NOT_FOUND", 66


class ServiceUnreachable(KnarrError):
    id, exit_code = "SERVICE_UNREACHABLE", 69


class ImageNotFound(KnarrError):
    id, exit_code = "IMAGE_NOT_FOUND", 66


class ImageFailed(KnarrError):
    id, exit_code = "IMAGE_OPERATION_FAILED", 74

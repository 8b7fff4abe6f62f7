"""Linux capabilities: the set that a container has by default, and what ``add`` and ``drop`` make of it."""

from __future__ import annotations

from collections.abc import Iterable

_ALL = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL "
    "SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
ALL = tuple(f"CAP_{name}" for name in _ALL.split())
"""In the kernel's order: the index is the capability's number."""

_DEFAULT = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
    "SETUID SYS_CHROOT"
)
DEFAULT = tuple(f"CAP_{name}" for name in _DEFAULT.split())
"""What containerd gives a container."""


def effective(
    *, add: Iterable[str], drop: Iterable[str], privileged: bool, available: Iterable[str] = ALL
) -> list[str]:
    """Sorted names. ``add`` wins over ``drop``, except that what is dropped by name stays dropped when ALL is added.
    ``available`` is what there is to give. Raises ValueError for an unknown name."""
    known = set(available)
    if privileged:
        return sorted(known)
    added, dropped = {_name(n) for n in add}, {_name(n) for n in drop}
    found = set() if "CAP_ALL" in dropped else set(DEFAULT)
    if "CAP_ALL" in added:
        found = set(known)
    found -= dropped
    found |= added - {"CAP_ALL"}
    return sorted(found & known)


def from_mask(mask: int) -> tuple[str, ...]:
    """Names of the bits that the kernel shows in ``/proc/<pid>/status``."""
    return tuple(name for number, name in enumerate(ALL) if mask >> number & 1)


def _name(name: str) -> str:
    full = name.upper() if name.upper().startswith("CAP_") else "CAP_" + name.upper()
    if full != "CAP_ALL" and full not in ALL:
        raise ValueError(f"unknown capability {name!r}")
    return full

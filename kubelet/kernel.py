"""The kubelet's one gateway to kernel calls that Python's ``os`` lacks: mounts, namespaces, inotify, openat2.

Plain blocking functions without policy. What changes the calling thread (``unshare``, ``setns``, its root or working
directory) is run through ``in_new_thread``, whose thread ends with the call: no other code ever sees its namespaces.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import os
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REMOUNT, MS_BIND, MS_REC = 0x20, 0x1000, 0x4000
MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 17, 1 << 18, 1 << 19, 1 << 20
MNT_DETACH, UMOUNT_NOFOLLOW = 0x2, 0x8

CLONE_FS, CLONE_NEWNS, CLONE_NEWUTS = 0x200, 0x20000, 0x4000000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x8000000, 0x20000000, 0x40000000

IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_CLOSE_WRITE, IN_MODIFY = 0x80, 0x100, 0x200, 0x8, 0x2
IN_DELETE_SELF, IN_MOVE_SELF, IN_Q_OVERFLOW = 0x400, 0x800, 0x4000

RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT = 0x2, 0x4, 0x8, 0x10

_SYS_OPENAT2 = 437
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    _check(
        _libc.mount(
            source.encode() or None,
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        ),
        target,
    )


def bind(source: str, target: str, *, readonly: bool = False, recursive: bool = False) -> None:
    """Bind mount; read-only needs the second call that the kernel asks for."""
    mount(source, target, flags=MS_BIND | (MS_REC if recursive else 0))
    if readonly:
        mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def umount(target: str, flags: int = UMOUNT_NOFOLLOW) -> None:
    _check(_libc.umount2(os.fsencode(target), flags), target)


def unmount_if_mounted(target: str, *, detach: bool = False) -> bool:
    """True when something was unmounted. What isn't a mount point, or isn't there, is fine."""
    try:
        umount(target, UMOUNT_NOFOLLOW | (MNT_DETACH if detach else 0))
    except OSError as error:
        if error.errno in (22, 2):
            return False
        raise
    return True


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int = 0) -> None:
    _check(_libc.setns(fd, kind), "setns")


def enter(path: str, kind: int) -> None:
    """Put the calling thread into the namespace that ``path`` names."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(fd, kind)
    finally:
        os.close(fd)


def thread_namespace(kind: str) -> str:
    """Path of the calling thread's namespace: ``ipc``, ``uts``, ``net`` ..."""
    return f"/proc/self/task/{threading.get_native_id()}/ns/{kind}"


def inotify() -> int:
    fd = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    _check(fd, "inotify")
    return fd


def inotify_watch(fd: int, path: str, mask: int) -> int:
    watch = _libc.inotify_add_watch(fd, os.fsencode(path), mask)
    _check(watch, path)
    return watch


def inotify_read(fd: int) -> list[tuple[int, int, str]]:
    """Pending (watch, mask, name) events; [] when there are none."""
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:
        return []
    events, offset = [], 0
    while offset < len(data):
        watch, mask, _cookie, length = struct.unpack_from("iIII", data, offset)
        name = data[offset + 16 : offset + 16 + length].rstrip(b"\0")
        events.append((watch, mask, os.fsdecode(name)))
        offset += 16 + length
    return events


def openat2(path: str | bytes, flags: int, *, dir_fd: int, resolve: int, mode: int = 0) -> int:
    """Open below ``dir_fd`` under the kernel's own rules of resolution (``RESOLVE_*``)."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, resolve)
    fd = _libc.syscall(
        ctypes.c_long(_SYS_OPENAT2), ctypes.c_int(dir_fd), os.fsencode(path) or b".", how, ctypes.c_size_t(len(how))
    )
    _check(fd, os.fsdecode(path))
    return fd


def sync_filesystem(path: str) -> None:
    """Write what is in memory of the file system that ``path`` is on to its disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.syncfs(fd), path)
    finally:
        os.close(fd)


async def in_new_thread(work: Callable[[], T]) -> T:
    """Run blocking ``work`` in a thread that is made for it and ends with it."""
    future: Future[T] = Future()

    def body() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller whole
            future.set_exception(error)

    threading.Thread(target=body, name="kernel", daemon=True).start()
    return await asyncio.wrap_future(future)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)

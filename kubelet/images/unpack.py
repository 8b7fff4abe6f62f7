"""One layer's tar into one folder, as overlayfs wants it. As a process of its own: ``python -m kubelet.images.unpack``.

The tar is not trusted. Every name is resolved by the kernel as if the folder were the root of the file system (openat2
with RESOLVE_IN_ROOT), so neither ``..`` nor a link, absolute or not, leads out of it; nothing is ever followed at the
last component. Whiteouts become overlayfs's: a device 0:0 in place of a file, an attribute on an opaque folder.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
import tarfile
from typing import IO, Any

from kubelet import kernel
from kubelet.images import blobs

OPAQUE = "trusted.overlay.opaque"
WHITEOUT, META, OPAQUE_MARK = ".wh.", ".wh..wh.", ".wh..wh..opq"
_XATTR = "SCHILY.xattr."
_KEPT_XATTRS = ("security.capability", "user.")
"""Others, overlayfs's own above all, are not a layer's to set."""
_CHUNK = 1024 * 1024
_RESOLVE = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_MAGICLINKS
_KINDS = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}


class Refused(Exception):
    """The layer holds what can't be unpacked."""


def unpack(stream: IO[bytes], target: str, *, owners: bool = True) -> int:
    """Bytes of the files that were written. ``owners``: set owner and group (needs root). Raises Refused, OSError and
    tarfile.TarError."""
    layer = _Layer(target, owners=owners)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK, errors="surrogateescape") as tar:
            for entry in tar:
                layer.add(entry, tar)
                # The archive would remember every entry that it has seen.
                tar.members = []
        layer.finish()
        while stream.read(_CHUNK):
            # What follows the end of the archive still counts for the digest.
            pass
        return layer.size
    finally:
        layer.close()


class _Layer:
    def __init__(self, target: str, *, owners: bool) -> None:
        self.root = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.owners = owners
        self.size = 0
        self._parent: tuple[str, int] | None = None
        self._folders: list[tuple[str, tarfile.TarInfo]] = []
        self._whiteouts: set[str] = set()

    def add(self, entry: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        parts = [p for p in entry.name.split("/") if p not in ("", ".")]
        if ".." in parts:
            raise Refused(f"{entry.name!r} leads out of the layer")
        if not parts:
            return
        path, name = "/".join(parts), parts[-1]
        parent = self._open_parent("/".join(parts[:-1]))
        if name.startswith(WHITEOUT):
            self._whiteout(parent, path, name)
            return
        self._make_way(parent, name, path, folder=entry.isdir())
        if entry.isdir():
            self._folder(parent, name, path, entry)
        elif entry.isreg():
            self._file(parent, name, entry, tar)
        elif entry.issym():
            os.symlink(entry.linkname, name, dir_fd=parent)
            self._dress(parent, name, entry)
        elif entry.islnk():
            self._hard_link(parent, name, entry)
        elif entry.type in _KINDS:
            device = os.makedev(entry.devmajor, entry.devminor) if entry.type != tarfile.FIFOTYPE else 0
            os.mknod(name, _KINDS[entry.type] | 0o600, device, dir_fd=parent)
            self._dress(parent, name, entry)
        else:
            raise Refused(f"{entry.name!r} is of unknown type {entry.type!r}")

    def finish(self) -> None:
        """Modes and times of folders, last: what is put into a folder changes its time, and needs the right to."""
        for path, entry in reversed(self._folders):
            try:
                fd = kernel.openat2(
                    path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.root, resolve=_RESOLVE
                )
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    continue
                raise
            try:
                self._dress_open(fd, entry)
            finally:
                os.close(fd)

    def close(self) -> None:
        self._forget_parent()
        os.close(self.root)

    def _folder(self, parent: int, name: str, path: str, entry: tarfile.TarInfo) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            pass
        if path in self._whiteouts:
            self._whiteouts.discard(path)
            self._make_opaque(path)
        self._folders.append((path, entry))

    def _file(self, parent: int, name: str, entry: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        source = tar.extractfile(entry)
        assert source is not None
        fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)
        with open(fd, "wb", buffering=0) as file:
            shutil.copyfileobj(source, file, _CHUNK)
            self.size += entry.size
            self._dress_open(fd, entry)

    def _hard_link(self, parent: int, name: str, entry: tarfile.TarInfo) -> None:
        parts = [p for p in entry.linkname.split("/") if p not in ("", ".")]
        if not parts or ".." in parts:
            raise Refused(f"{entry.name!r} is a link out of the layer, to {entry.linkname!r}")
        try:
            folder = self._open("/".join(parts[:-1]), os.O_PATH | os.O_DIRECTORY)
            try:
                os.link(parts[-1], name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
            finally:
                os.close(folder)
        except FileNotFoundError as error:
            raise Refused(f"{entry.name!r} is a link to {entry.linkname!r}, which isn't there") from error

    def _whiteout(self, parent: int, path: str, name: str) -> None:
        if name == OPAQUE_MARK:
            os.setxattr(f"/proc/self/fd/{parent}", OPAQUE, b"y")
            return
        if name.startswith(META):
            # What AUFS kept for itself.
            return
        hidden = name.removeprefix(WHITEOUT)
        if hidden in ("", ".", ".."):
            raise Refused(f"{path!r} hides nothing that can be hidden")
        place = path[: len(path) - len(name)] + hidden
        existing = _kind(parent, hidden)
        if existing == stat.S_IFDIR:
            # Removed and made again in this layer: what lower layers have in it must not show.
            self._make_opaque(place)
        elif existing is None:
            os.mknod(hidden, stat.S_IFCHR, 0, dir_fd=parent)
            self._whiteouts.add(place)

    def _make_way(self, parent: int, name: str, path: str, *, folder: bool) -> None:
        existing = _kind(parent, name)
        if existing is None or (folder and existing == stat.S_IFDIR):
            return
        self._forget_parent_below(path)
        if existing == stat.S_IFDIR:
            shutil.rmtree(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)

    def _make_opaque(self, path: str) -> None:
        fd = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.setxattr(fd, OPAQUE, b"y")
        finally:
            os.close(fd)

    def _dress(self, parent: int, name: str, entry: tarfile.TarInfo) -> None:
        """Owner, mode and time of what can't be opened."""
        if self.owners:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        if not entry.issym():
            os.chmod(name, entry.mode & 0o7777, dir_fd=parent)
        os.utime(name, (entry.mtime, entry.mtime), dir_fd=parent, follow_symlinks=False)

    def _dress_open(self, fd: int, entry: tarfile.TarInfo) -> None:
        if self.owners:
            os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode & 0o7777)
        for key, value in entry.pax_headers.items():
            name = key.removeprefix(_XATTR)
            if name != key and name.startswith(_KEPT_XATTRS) and (self.owners or name.startswith("user.")):
                os.setxattr(fd, name, value.encode("utf-8", "surrogateescape"))
        os.utime(fd, (entry.mtime, entry.mtime))

    def _open_parent(self, path: str) -> int:
        """Entries of one folder follow one another, so the last is kept open."""
        if self._parent is not None and self._parent[0] == path:
            return self._parent[1]
        self._forget_parent()
        try:
            fd = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            fd = self._make_parents(path)
        self._parent = (path, fd)
        return fd

    def _make_parents(self, path: str) -> int:
        """Folders that no entry of their own made."""
        above, _, name = path.rpartition("/")
        try:
            folder = self._open(above, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            folder = self._make_parents(above)
        try:
            if _kind(folder, name) not in (None, stat.S_IFDIR, stat.S_IFLNK):
                os.unlink(name, dir_fd=folder)
            try:
                os.mkdir(name, 0o755, dir_fd=folder)
            except FileExistsError as error:
                raise Refused(f"{path!r} is a link to nothing, yet something is to be put into it") from error
        finally:
            os.close(folder)
        return self._open(path, os.O_RDONLY | os.O_DIRECTORY)

    def _open(self, path: str, flags: int) -> int:
        return kernel.openat2(path, flags, dir_fd=self.root, resolve=_RESOLVE)

    def _forget_parent(self) -> None:
        if self._parent is not None:
            os.close(self._parent[1])
            self._parent = None

    def _forget_parent_below(self, path: str) -> None:
        if self._parent is not None and f"{self._parent[0]}/".startswith(f"{path}/"):
            self._forget_parent()


def _kind(parent: int, name: str) -> int | None:
    try:
        return stat.S_IFMT(os.lstat(name, dir_fd=parent).st_mode)
    except FileNotFoundError:
        return None


def run(job: dict[str, Any]) -> int:
    """``job``: path, offset, size of the blob, ``digest`` of the blob where it is known, ``diff_id`` of its content,
    ``target`` folder. Raises Refused where a digest isn't what was said."""
    with blobs.opened(job["path"], job["offset"], job["size"]) as blob:
        size = unpack(blob, job["target"], owners=os.geteuid() == 0)
        blob.verify(diff_id=job["diff_id"], digest=job.get("digest"))
    return size


def main() -> int:
    """Jobs as a JSON list on stdin; the sizes as one on stdout."""
    jobs = json.load(sys.stdin)
    try:
        sizes = [run(job) for job in jobs]
        if jobs:
            kernel.sync_filesystem(jobs[0]["target"])
    except (Refused, blobs.Corrupt, tarfile.TarError, OSError, EOFError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(sizes))
    return 0


if __name__ == "__main__":
    sys.exit(main())

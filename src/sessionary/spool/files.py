"""The file system as the spool uses it: a seam, so that tests can make any single operation of it fail."""

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Everything raises OSError; what is not there, FileNotFoundError."""

    def make_folder(self, path: Path) -> None:
        """And those above it; it must be new."""

    def rename(self, path: Path, to: Path) -> None: ...

    def names(self, folder: Path) -> list[str]: ...

    def create(self, path: Path) -> int:
        """A file to append to, empty also where there was one."""

    def open(self, path: Path) -> int:
        """A file or a folder, to read, lock or sync."""

    def read(self, fd: int, size: int, offset: int, /) -> bytes:
        """Fewer bytes than `size` at the end of the file."""

    def write(self, fd: int, data: bytes, /) -> int:
        """How many bytes were appended."""

    def truncate(self, fd: int, size: int, /) -> None: ...

    def sync(self, fd: int, /) -> None: ...

    def close(self, fd: int, /) -> None: ...

    def lock(self, fd: int, *, shared: bool = False) -> bool:
        """Whether it could be had at once; held until the file is closed."""

    def size(self, path: Path) -> int: ...

    def changed(self, path: Path) -> float:
        """When, in seconds since 1970."""

    def free(self, folder: Path) -> int:
        """Bytes that may still be written on its disk."""

    def remove(self, path: Path) -> None: ...

    def remove_folder(self, path: Path) -> None: ...


class Disk:
    """The real one. Only its user may read what it makes."""

    def make_folder(self, path: Path) -> None:
        path.mkdir(parents=True, mode=0o700)

    def rename(self, path: Path, to: Path) -> None:
        path.rename(to)

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)

    def create(self, path: Path) -> int:
        return os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY)

    read = staticmethod(os.pread)
    write = staticmethod(os.write)
    truncate = staticmethod(os.ftruncate)
    sync = staticmethod(os.fdatasync)
    close = staticmethod(os.close)

    def lock(self, fd: int, *, shared: bool = False) -> bool:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def size(self, path: Path) -> int:
        return path.stat().st_size

    def changed(self, path: Path) -> float:
        return path.stat().st_mtime

    def free(self, folder: Path) -> int:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def remove(self, path: Path) -> None:
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        path.rmdir()

"""The spool's file system with faults: the n-th operation fails, stops halfway, or is where the process is killed.

A killed process does nothing any more and its locks are free: `die` lets go of what it had open.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any, Literal

from sessionary.spool.files import Disk

Fault = Literal["kill", "half, then kill"] | int | tuple[Literal["half"], int]
"""An errno; or half of a write comes to be, and the rest fails with it."""


class Killed(BaseException):
    """kill -9, as far as one process can have it in itself."""


class Faulty:
    def __init__(self, at: int = 0, fault: Fault = "kill", only: str = "") -> None:
        """The operation with number `at`, from 1 on, fails; of operations called `only`, where that is given."""
        self.calls = 0
        self.done: list[str] = []
        self.dead = False
        self.fails: Callable[[str], int] = lambda name: 0
        """An errno for every operation that fails from now on; 0: it does not."""
        self._disk = Disk()
        self._at, self._fault, self._only = at, fault, only
        self._rest = 0
        self._open: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: self._do(name, given, named)

    def die(self) -> None:
        self.dead = True
        while self._open:
            with contextlib.suppress(OSError):
                os.close(self._open.pop())

    def _do(self, name: str, given: Any, named: Any) -> Any:
        if self.dead:
            raise Killed
        if self._rest and name == "write":
            errno, self._rest = self._rest, 0
            raise OSError(errno, os.strerror(errno))
        if errno := self.fails(name):
            raise OSError(errno, os.strerror(errno))
        if not self._only or name == self._only:
            self.calls += 1
            self.done.append(name)
            if self.calls == self._at:
                return self._fail(name, given, named)
        return self._really(name, given, named)

    def _really(self, name: str, given: Any, named: Any) -> Any:
        if name == "sync":
            return None  # no power fails here, and it takes long
        result = getattr(self._disk, name)(*given, **named)
        if name in ("create", "open"):
            self._open.add(result)
        elif name == "close":
            self._open.discard(given[0])
        return result

    def _fail(self, name: str, given: Any, named: Any) -> Any:
        match self._fault:
            case int() as errno:
                raise OSError(errno, os.strerror(errno))
            case ("half", errno):
                if name != "write":
                    raise OSError(errno, os.strerror(errno))
                self._rest = errno
                fd, data = given
                return self._really(name, (fd, data[: len(data) // 2]), named)
            case "half, then kill" if name == "write":
                fd, data = given
                self._really(name, (fd, data[: len(data) // 2]), named)
        self.dead = True
        raise Killed

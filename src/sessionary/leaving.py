"""Who waits for an answer may leave. Then whoever answers is cancelled: nothing has to wait beside it for that."""

import asyncio
from types import TracebackType


class Leaving:
    """One client's, or nobody's. Within `with`, the task that runs is cancelled when the client leaves; at once, where
    it has left before. Owned by the loop."""

    __slots__ = ("_answering", "_waiting", "gone", "task")

    def __init__(self) -> None:
        self.gone = False
        self.task: asyncio.Task[None] | None = None
        """The one that will answer, where that is known."""
        self._answering: asyncio.Task[object] | None = None
        self._waiting: asyncio.Future[None] | None = None

    def tell(self) -> None:
        """The client has left."""
        self.gone = True
        if self._answering is not None:
            self._answering.cancel()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def __enter__(self) -> None:
        if self.gone:
            raise asyncio.CancelledError
        self._answering = self.task or asyncio.current_task()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answering = None

    async def wait(self) -> None:
        """Until the client leaves; for one at a time."""
        if not self.gone:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

"""An event loop for the LiteLLM SDK, which asks for the thread's own, starts tasks on it and leaves them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import litellm


@contextmanager
def sdk_loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        try:
            yield loop
        finally:
            close: Any = litellm.close_litellm_async_clients  # type: ignore[attr-defined]
            loop.run_until_complete(close())
    asyncio.set_event_loop(None)

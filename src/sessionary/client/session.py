"""`sessionary.session`: a context manager and decorator; the calls made inside it are one session.

    with sessionary.session("support-4711", name="Refund", tags=["eu"]) as active:
        OpenAI(base_url="http://127.0.0.1:4000").chat.completions.create(...)

    @sessionary.session(name="Nightly report")     # a session of its own for each call
    async def report(): ...

A session inside a session that names no id of its own is an agent in the outer one: it keeps the id and adds its
name to `x-session-agent`. With an id it is a session beside it. One object may be entered many times, also at once.
"""

import functools
import inspect
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from sessionary.client.active import Active, Steps, current, enter, leave
from sessionary.client.carry import install

P = ParamSpec("P")
R = TypeVar("R")


class session:
    def __init__(
        self,
        id: str | int | None = None,
        name: str | None = None,
        tags: Iterable[str] | str | None = None,
        base_url: str | None = None,
    ) -> None:
        if callable(id):
            raise TypeError("write @session(), with its parentheses")
        self._id = "" if id is None else str(id).strip()
        self._name = name
        self._tags = (tags,) if isinstance(tags, str) else tuple(tags or ())
        self._base_url = base_url

    def __enter__(self) -> Active:
        active = self._activate("")
        enter(active)
        return active

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self)

    async def __aenter__(self) -> Active:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function` with each of its calls inside this session; generators and coroutines too."""
        kind = next((wrap for is_kind, wrap in _KINDS if is_kind(function)), _plain)
        name = getattr(function, "__name__", "")
        wrapped = kind(cast(Callable[..., Any], function), lambda: self._activate(name))
        return cast(Callable[P, R], functools.wraps(function)(wrapped))

    def _activate(self, function: str) -> Active:
        install()
        outer = current()
        if outer is None or self._id:
            base_url = self._base_url or (outer.base_url if outer else None)
            return Active(self._id or str(uuid.uuid4()), self._name, self._tags, (), base_url, outer, self)
        agent = self._name or function
        return Active(
            outer.id,
            outer.name,
            tuple(dict.fromkeys(outer.tags + self._tags)),
            (*outer.agent, agent) if agent else outer.agent,
            self._base_url or outer.base_url,
            outer,
            self,
        )


Activate = Callable[[], Active]


def _plain(function: Callable[..., Any], activate: Activate) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with Steps(activate()):
            return function(*args, **kwargs)

    return call


def _coroutine(function: Callable[..., Any], activate: Activate) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with Steps(activate()):
            return await function(*args, **kwargs)

    return call


def _generator(function: Callable[..., Any], activate: Activate) -> Callable[..., Any]:
    """The session is active while the generator runs, not while its caller does."""

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        steps = Steps(activate())
        generator = function(*args, **kwargs)
        step = functools.partial(next, generator)
        while True:
            try:
                with steps:
                    item = step()
            except StopIteration as end:
                return end.value
            try:
                sent = yield item
            except GeneratorExit:
                with steps:
                    generator.close()
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)
            else:
                step = functools.partial(generator.send, sent)

    return call


def _async_generator(function: Callable[..., Any], activate: Activate) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        steps = Steps(activate())
        generator = function(*args, **kwargs)
        step = functools.partial(anext, generator)
        while True:
            try:
                with steps:
                    item = await step()
            except StopAsyncIteration:
                return
            try:
                sent = yield item
            except GeneratorExit:
                with steps:
                    await generator.aclose()
                raise
            except BaseException as error:
                step = functools.partial(generator.athrow, error)
            else:
                step = functools.partial(generator.asend, sent)

    return call


_KINDS: tuple[tuple[Callable[[object], bool], Callable[..., Callable[..., Any]]], ...] = (
    (inspect.iscoroutinefunction, _coroutine),
    (inspect.isasyncgenfunction, _async_generator),
    (inspect.isgeneratorfunction, _generator),
)

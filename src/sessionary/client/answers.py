"""Answers that can be read both ways: `answer.choices[0].message.content` and `answer["choices"][0]["message"]`.

The OpenAI library's own objects, of a subclass that adds the item access which the LiteLLM SDK's answers have.
"""

import functools
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Items:
    """Item access to a model's fields, those that the library does not know included."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        fields: dict[str, Any] = self.__dict__
        return fields[key] if key in fields else (getattr(self, "__pydantic_extra__", None) or {})[key]

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__ or key in (getattr(self, "__pydantic_extra__", None) or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the library's own class."""
        _, model = type(self).__bases__
        return _restored, (model, self.__getstate__())


@functools.cache
def _with_items(model: Any) -> type:
    return type(model.__name__, (Items, model), {"__module__": model.__module__})


def _restored(model: Any, state: Any) -> Any:
    answer = model.__new__(_with_items(model))
    answer.__setstate__(state)
    return answer


def readable(answer: T) -> T:
    """`answer` and the models in it, changed in place."""
    if isinstance(answer, list):
        for element in answer:
            readable(element)
    elif hasattr(answer, "model_dump") and not isinstance(answer, Items):
        for value in vars(answer).values():
            readable(value)
        model: Any = type(answer)
        object.__setattr__(answer, "__class__", _with_items(model))
    return answer


class Chunks(Generic[T]):
    """A streamed answer. `close()` ends it early."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        chunk: T = readable(next(self._stream))
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()

    @property
    def response(self) -> Any:
        """The HTTP answer, with its headers."""
        return self._stream.response


class AsyncChunks(Generic[T]):
    """The same for `async for`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        chunk: T = readable(await anext(self._stream))
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._stream.close()

    @property
    def response(self) -> Any:
        return self._stream.response

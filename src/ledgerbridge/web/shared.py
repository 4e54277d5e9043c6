"""One look for all who ask while it is under way: asking a thousand times costs what asking once costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """For answers that are the same for everybody and need no proof of who asks."""

    def __init__(self) -> None:
        self._under_way: asyncio.Task[T] | None = None

    async def get(self, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `look` finds, begun now unless one is under way. Raises what it raises."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(look())
        # Whoever goes away takes the look from nobody else.
        return await asyncio.shield(self._under_way)

"""Cursor paging: every page of a list, or an error; never a silent half (LIMIT-020 to -023)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ledgerbridge.pleo.errors import UnreadableAnswer
from ledgerbridge.pleo.models import Model, read
from ledgerbridge.pleo.transport import Call, PleoClient

PAGE_SIZE = 100
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Page:
    """One page as sent."""

    data: tuple[Any, ...]
    """JSON values."""
    total: int | None
    """Size of the whole list, where Pleo says it."""


async def pages(client: PleoClient, call: Call, *, limit: int = PAGE_SIZE) -> AsyncIterator[Page]:
    """All pages of a list, in order; `call` brings filters but no paging parameters.

    Raises `UnreadableAnswer` when a page has the wrong shape, announces a next page without naming it, or names one
    that was read before.
    """
    seen: set[str] = set()
    after: str | None = None
    while True:
        page, after = await one_page(client, call, limit=limit, after=after)
        if after is not None and after in seen:
            raise UnreadableAnswer(call.operation, status=200, detail="a page cursor came twice")
        yield page
        if after is None:
            return
        seen.add(after)


async def one_page(client: PleoClient, call: Call, *, limit: int, after: str | None) -> tuple[Page, str | None]:
    """The page behind the cursor `after`, the first without one, and the cursor of the next; None on the last.

    For who shows a list a page at a time; whoever needs it whole takes `pages`. Raises `UnreadableAnswer` for a page of
    the wrong shape.
    """
    paging = (("limit", str(limit)), *((("after", after),) if after else ()))
    return _read(call.operation, await client.json(replace(call, params=(*call.params, *paging))))


async def records(client: PleoClient, call: Call, model: type[Model], *, limit: int = PAGE_SIZE) -> tuple[Model, ...]:
    """The whole list as records.

    Raises as `pages`; also `UnreadableAnswer` when a single record cannot be read: a list without it would make the
    record look gone, and what looks gone is archived.
    """
    found: list[Model] = []
    async for page in pages(client, call, limit=limit):
        found.extend(read(model, raw, call.operation) for raw in page.data)
    return tuple(found)


def batches(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """The values in their order, at most `size` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _read(operation: str, body: Any) -> tuple[Page, str | None]:
    data = body.get("data") if isinstance(body, dict) else None
    pagination = body.get("pagination") if isinstance(body, dict) else None
    if not isinstance(data, list) or not isinstance(pagination, dict):
        raise UnreadableAnswer(operation, status=200, detail="not a page: data or pagination is missing")
    more, cursor, total = pagination.get("hasNextPage"), pagination.get("endCursor"), pagination.get("total")
    if not isinstance(more, bool):
        raise UnreadableAnswer(operation, status=200, detail="not a page: hasNextPage is missing")
    if more and not (isinstance(cursor, str) and cursor):
        raise UnreadableAnswer(operation, status=200, detail="a next page is announced, but endCursor is missing")
    page = Page(tuple(data), total if isinstance(total, int) and not isinstance(total, bool) else None)
    return page, cursor if more else None

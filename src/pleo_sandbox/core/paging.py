"""Cursor paging as published: opaque cursors, exclusive ``after``/``before``/``offset``, paired sorting lists."""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pleo_sandbox.core.problems import Refusal, bad_request

Row = TypeVar("Row")
Query = Sequence[tuple[str, str]]

ORDERS = ("ASC", "ASC_NULLS_FIRST", "ASC_NULLS_LAST", "DESC", "DESC_NULLS_FIRST", "DESC_NULLS_LAST")
PAGE_PARAMETERS = ("after", "before", "offset", "limit", "sorting_keys", "sorting_order")
_CURSOR = re.compile(r"[A-Z2-7=~]+")
_INT32 = 2**31 - 1


@dataclass(frozen=True)
class PageRequest:
    """The paging half of a query string, checked."""

    after: str | None
    before: str | None
    offset: int | None
    limit: int | None
    sorting_keys: tuple[str, ...]
    sorting_order: tuple[str, ...]
    parameters: Mapping[str, list[str]]


@dataclass(frozen=True)
class Collection(Generic[Row]):
    """Rows in their natural order, how to name one, which to show (all without `keep`), what they may be sorted by.

    With `place`, which says where in `rows` a name stands, and all shown, a page costs what it holds and not what the
    list holds: an export of a hundred thousand items is read in a thousand pages.
    """

    rows: Sequence[Row]
    name: Callable[[Row], str]
    keep: Callable[[Row], bool] | None
    sortable: Mapping[str, Callable[[Row], Any]]
    place: Callable[[str], int | None] | None = None


def read_page_request(query: Query) -> PageRequest:
    """Checks the paging parameters of a query string; raises a 400 refusal for anything the contract does not allow."""
    values: dict[str, list[str]] = {}
    for name, value in query:
        values.setdefault(name, []).append(value)

    def single(name: str) -> str | None:
        found = values.get(name, [])
        if len(found) > 1:
            raise bad_request(f"{name} may be given once")
        return found[0] if found else None

    after, before, offset = single("after"), single("before"), single("offset")
    if sum(part is not None for part in (after, before, offset)) > 1:
        raise bad_request("after, before and offset exclude each other")
    for name, cursor in (("after", after), ("before", before)):
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise bad_request(f"{name} is not a cursor")
    keys, orders = tuple(values.get("sorting_keys", [])), tuple(values.get("sorting_order", []))
    if len(keys) != len(orders):
        raise bad_request("sorting_keys and sorting_order must have the same length")
    for order in orders:
        if order not in ORDERS:
            raise bad_request(f"sorting_order must be one of {', '.join(ORDERS)}")
    return PageRequest(
        after, before, _count("offset", offset), _count("limit", single("limit")), keys, orders, parameters=values
    )


def paginate(
    collection: Collection[Row], request: PageRequest, cap: int, seal: str = ""
) -> tuple[list[Row], dict[str, Any]]:
    """One page of ``collection`` and its published ``pagination`` object. ``cap`` bounds every page, asked or not.

    A cursor names a row, so pages stay put while rows change status under a filter. It also carries a fingerprint of
    filter and sorting: taken to another query it is refused rather than misread. ``seal`` stands for filters that came
    in a body.
    """
    ordered = _sorted(collection, request)
    fingerprint = _fingerprint(request, seal)
    size = cap if request.limit is None else min(request.limit, cap)
    shown = _shown(collection, ordered)
    if request.before is not None:
        end = _position(collection, ordered, request.before, fingerprint)
        earlier = bisect_left(shown, end)
        page = shown[max(0, earlier - size) : earlier]
    elif request.after is not None:
        start = _position(collection, ordered, request.after, fingerprint)
        later = bisect_right(shown, start)
        page = shown[later : later + size]
    else:
        later = request.offset or 0
        page = shown[later : later + size]
    first, last = _bounds(page, shown, request)
    info: dict[str, Any] = {
        "currentRequestPagination": _echo(request),
        "hasNextPage": bool(shown) and shown[-1] > last,
        "hasPreviousPage": bool(shown) and shown[0] < first,
        "total": len(shown),
    }
    if page:
        info["startCursor"] = _cursor(collection.name(ordered[page[0]]), fingerprint)
        info["endCursor"] = _cursor(collection.name(ordered[page[-1]]), fingerprint)
    return [ordered[index] for index in page], info


def _shown(collection: Collection[Row], ordered: Sequence[Row]) -> Sequence[int]:
    """Where the rows to show stand, rising."""
    keep = collection.keep
    return range(len(ordered)) if keep is None else [index for index, row in enumerate(ordered) if keep(row)]


def _bounds(page: Sequence[int], shown: Sequence[int], request: PageRequest) -> tuple[int, int]:
    if page:
        return page[0], page[-1]
    if request.offset:
        return (shown[-1] + 1 if shown else 0, shown[-1] if shown else -1)
    if request.after is not None or request.before is not None:
        edge = shown[-1] if shown and request.after is not None else -1
        return edge + 1, edge
    return 0, -1


def _count(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or int(value) > _INT32:
        raise bad_request(f"{name} must be a whole number, 0 or more")
    return int(value)


def _sorted(collection: Collection[Row], request: PageRequest) -> Sequence[Row]:
    rows = collection.rows
    pairs = list(zip(request.sorting_keys, request.sorting_order, strict=True))
    for key, order in reversed(pairs):
        value_of = collection.sortable.get(key)
        if value_of is None:
            raise bad_request(f"sorting_keys must be among {', '.join(collection.sortable)}")
        descending = order.startswith("DESC")
        nulls_first = order.endswith("NULLS_FIRST") or order == "DESC"
        filled = [row for row in rows if value_of(row) is not None]
        empty = [row for row in rows if value_of(row) is None]
        filled.sort(key=value_of, reverse=descending)
        rows = empty + filled if nulls_first else filled + empty
    return rows


def _fingerprint(request: PageRequest, seal: str) -> str:
    parts = [seal] if seal else []
    parts += [
        f"{name}={value}"
        for name in sorted(request.parameters)
        if name not in ("after", "before", "offset", "limit")
        for value in request.parameters[name]
    ]
    digest = hashlib.sha256("&".join(parts).encode()).digest()
    return base64.b32encode(digest[:5]).decode()


def _cursor(name: str, fingerprint: str) -> str:
    return f"{base64.b32encode(name.encode()).decode()}~{fingerprint}"


def _position(collection: Collection[Row], ordered: Sequence[Row], cursor: str, fingerprint: str) -> int:
    refused: Refusal = bad_request("the cursor does not belong to this query")
    encoded, _, sealed = cursor.partition("~")
    if sealed != fingerprint:
        raise refused
    try:
        name = base64.b32decode(encoded).decode()
    except ValueError:
        raise refused from None
    if collection.place is not None and ordered is collection.rows:
        found = collection.place(name)
    else:
        found = next((index for index, row in enumerate(ordered) if collection.name(row) == name), None)
    if found is None:
        raise refused
    return found


def _echo(request: PageRequest) -> dict[str, Any]:
    echo: dict[str, Any] = {"parameters": dict(request.parameters)}
    if request.after is not None:
        echo["after"] = request.after
    if request.before is not None:
        echo["before"] = request.before
    if request.offset is not None:
        echo["offset"] = request.offset
    if request.limit is not None:
        echo["limit"] = request.limit
    if request.sorting_keys:
        echo["sortingKeys"] = list(request.sorting_keys)
        echo["sortingOrder"] = list(request.sorting_order)
    return echo

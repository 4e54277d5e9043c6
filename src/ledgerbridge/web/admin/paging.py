"""Cursor paging: `?limit=` and an opaque, signed `?cursor=`, answered as `{"data": [...], "next_cursor": ...}`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from ledgerbridge.web.problems import HttpProblem

MAX_LIMIT = 200
_TAG = 12

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Objects on one page.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")]
Key = tuple[datetime, uuid.UUID] | tuple[int] | tuple[str, str, int]
Row = TypeVar("Row")
Shown = TypeVar("Shown")


class Page(BaseModel, Generic[Shown]):
    """One page of a list."""

    data: list[Shown]
    next_cursor: str | None = Field(description="Pass as `cursor` for the next page; null on the last one.")


class Cursors:
    """Makes and checks cursors. A cursor is bound to its list, and only we can make one."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hmac.digest(key, b"ledgerbridge list cursor", hashlib.sha256) for key in keys]

    def page(
        self, listing: str, found: Sequence[Row], limit: int, show: Callable[[Row], Shown], key: Callable[[Row], Key]
    ) -> Page[Shown]:
        """The page of the first `limit` rows; one row more than that means that another page follows."""
        shown = found[:limit]
        more = self.write(listing, key(shown[-1])) if len(found) > limit else None
        return Page[Any](data=[show(row) for row in shown], next_cursor=more)

    def write(self, listing: str, key: Key) -> str:
        """The cursor that continues `listing` behind the row with this sort key."""
        body = json.dumps(key, separators=(",", ":"), default=str).encode()
        return base64.urlsafe_b64encode(self._tag(self._keys[0], listing, body) + body).rstrip(b"=").decode()

    def read_moment(self, listing: str, cursor: str | None) -> tuple[datetime, uuid.UUID] | None:
        """The key of a list sorted by time and id. Raises 400 for a cursor that we did not make for this list."""
        key = self._read(listing, cursor)
        return None if key is None else (datetime.fromisoformat(key[0]), uuid.UUID(key[1]))

    def read_number(self, listing: str, cursor: str | None) -> int | None:
        """The key of a list sorted by one number. Raises 400 likewise."""
        key = self._read(listing, cursor)
        return None if key is None else int(key[0])

    def read_place(self, listing: str, cursor: str | None) -> tuple[str, str, int] | None:
        """The key of a list of Pleo's: whose it is, Pleo's own cursor, how many went before. Raises 400 likewise."""
        key = self._read(listing, cursor)
        return None if key is None else (str(key[0]), str(key[1]), int(key[2]))

    def _read(self, listing: str, cursor: str | None) -> list[Any] | None:
        if cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raise _refused() from None
        tag, body = raw[:_TAG], raw[_TAG:]
        if not any(hmac.compare_digest(tag, self._tag(key, listing, body)) for key in self._keys):
            raise _refused()
        found: list[Any] = json.loads(body)
        return found

    def _tag(self, key: bytes, listing: str, body: bytes) -> bytes:
        return hmac.digest(key, listing.encode() + b"\0" + body, hashlib.sha256)[:_TAG]


def of_one_or_all(listing: str, connection_id: uuid.UUID | None) -> str:
    """The name of a list of one connection or of all, so that a cursor continues the one it was made for."""
    return f"{listing}/{connection_id or 'all'}"


def _refused() -> HttpProblem:
    detail = "The cursor is not one of this list. Take `next_cursor` of the page before, unchanged."
    return HttpProblem(400, detail, kind="invalid-cursor")

"""Rows by id, by owner and by one more key: what keeps ten thousand vendors quick to look through."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from pleo_sandbox.core.words import is_uuid


class HasId(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """A UUID in lower case."""


Row = TypeVar("Row", bound=HasId)


class Shelf(Generic[Row]):
    """Rows in order of creation. Several may share a key: data made by hand in Pleo does."""

    def __init__(self, owner: Callable[[Row], str], key: Callable[[Row], Hashable]) -> None:
        self._owner, self._key = owner, key
        self._rows: dict[str, Row] = {}
        self._owned: dict[str, dict[str, Row]] = {}
        self._keyed: dict[Hashable, dict[str, Row]] = {}

    def put(self, row: Row) -> Row:
        """Adds a row."""
        self._rows[row.id] = row
        self._owned.setdefault(self._owner(row), {})[row.id] = row
        self._keyed.setdefault(self._key(row), {})[row.id] = row
        return row

    def drop(self, row: Row) -> None:
        """Removes a row."""
        del self._rows[row.id]
        del self._owned[self._owner(row)][row.id]
        del self._keyed[self._key(row)][row.id]

    @contextmanager
    def changing(self, row: Row) -> Iterator[Row]:
        """Lets a row's key change inside the ``with`` block."""
        del self._keyed[self._key(row)][row.id]
        try:
            yield row
        finally:
            self._keyed.setdefault(self._key(row), {})[row.id] = row

    def get(self, row_id: object) -> Row | None:
        """One row, or ``None``."""
        return self._rows.get(row_id.lower()) if isinstance(row_id, str) and is_uuid(row_id) else None

    def of(self, owners: str | Iterable[str]) -> list[Row]:
        """Rows of one owner or of several."""
        named = [owners] if isinstance(owners, str) else owners
        return [row for owner in named for row in self._owned.get(owner, {}).values()]

    def under(self, key: Hashable) -> list[Row]:
        """Rows with this key."""
        return list(self._keyed.get(key, {}).values())

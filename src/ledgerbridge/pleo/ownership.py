"""Records of one company only: what a list must hold before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ledgerbridge.pleo.errors import UnreadableAnswer


class Owned(Protocol):
    """A record that names itself and its company."""

    @property
    def id(self) -> str: ...

    @property
    def company_id(self) -> str: ...


Record = TypeVar("Record", bound=Owned)


def of_company(company_id: str, found: Iterable[Record], operation: str) -> tuple[Record, ...]:
    """The records in their order, each id once; the one read last stands.

    A list that changes while it is paged can show a record twice. Raises `UnreadableAnswer` for a record of another
    company, so that no run ever compares or writes across companies (ACC-011, VEN-014).
    """
    once: dict[str, Record] = {}
    for record in found:
        if not same_id(record.company_id, company_id):
            raise UnreadableAnswer(operation, status=200, detail="a record belongs to another company")
        once[record.id] = record
    return tuple(once.values())


def same_id(one: str, other: str) -> bool:
    """Whether two UUIDs are the same, however they are written."""
    return one.strip().lower() == other.strip().lower()

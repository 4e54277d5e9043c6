"""Purchase taxes as Tryton builds them: one may compute by itself, or only group others that do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledgerbridge.erp.tryton.wire import Record

FIELDS = ("name", "type", "rate", "parent", "group.kind", "active", "start_date", "end_date", "invoice_account.code")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A purchase tax a person can choose, with what is computed then."""

    row: Record
    parts: tuple[Record, ...]
    """The taxes in force that compute: itself unless it only groups others, and those below it."""
    ever: tuple[Record, ...]
    """The same, those not in force included."""
    active: bool


def purchase(rows: Iterable[Record], today: dt.date) -> list[Chosen]:
    """Purchase taxes in the order of the rows. One of a fixed amount has no rate, which is all we know, and is left out
    (TAX-024)."""
    below: dict[int | None, list[Record]] = {}
    for row in rows:
        below.setdefault(row["parent"], []).append(row)
    found = []
    for row in below.get(None, []):
        if row["group"] is not None and row["group"]["kind"] not in ("purchase", "both"):
            continue
        ever = tuple(_parts(row, below, lambda part: True))
        if all(part["type"] != "fixed" for part in ever):
            parts = tuple(_parts(row, below, lambda part: in_force(part, today)))
            found.append(Chosen(row, parts, ever, in_force(row, today)))
    return found


def in_force(row: Record, today: dt.date) -> bool:
    """Whether it is switched on and today lies within its dates."""
    return bool(row["active"]) and (row["start_date"] or dt.date.min) <= today <= (row["end_date"] or dt.date.max)


def _parts(row: Record, below: Mapping[int | None, Sequence[Record]], counts: Callable[[Record], bool]) -> list[Record]:
    inner = [part for each in below.get(row["id"], ()) if counts(each) for part in _parts(each, below, counts)]
    return inner if row["type"] == "none" else [row, *inner]

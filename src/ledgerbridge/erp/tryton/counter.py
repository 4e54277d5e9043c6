"""The counter-entry of a posted journal entry: its mirror in Tryton, which names it as its origin (EXP-IDEM-07).

Tryton's own wizard makes the same, but no key of the REST API reaches it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import access, chart, key, moves
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import Live
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome, sentence
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import MODEL, Move
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import reversed_moves
from ledgerbridge.erp.tryton.wire import Record

_PREFIX = "Reversal of "
_COPIED = (
    *("journal", "date"),
    *(f"lines.{name}" for name in ("description", "second_currency", "amount_second_currency")),
    *(f"lines.tax_lines.{name}" for name in ("tax", "type", "amount")),
)
_ANALYTIC = ("lines.analytic_lines.debit", "lines.analytic_lines.credit")


@dataclass(frozen=True, slots=True)
class Original:
    """A journal entry as it stands, with all that its mirror needs."""

    move: Move
    date: dt.date
    record: Record
    """As Tryton sent it."""


async def read(client: Client, reference: Reference, number: int) -> Original | None:
    """The entry of this company with that id, or None."""
    analytic = await reference.uses_analytic()
    fields = (*moves.fields(analytic=analytic), *_COPIED, *(_ANALYTIC if analytic else ()))
    rows = await client.search(MODEL, [["company", "=", reference.number], ["id", "=", number]], fields)
    return shaped(lambda: Original(moves.parse(rows[0]), _date(rows[0]), rows[0])) if rows else None


def _date(record: Record) -> dt.date:
    value = record["date"]
    if not isinstance(value, dt.date):
        raise TypeError(f"date: {value!r}")
    return value


async def mirrors(client: Client, reference: Reference, original: Move) -> list[Move]:
    """What takes back all of the entry: posted and in force, or drafts that would; by rising id."""
    fields = await reference.move_fields()
    domain = [["company", "=", reference.number], ["origin", "=", f"{MODEL},{original.id}"]]
    found = [moves.parse(record) for record in await client.search(MODEL, domain, fields)]
    exact = [move for move in found if move.mirrors(original)]
    gone = await reversed_moves(client, reference.number, exact, fields)
    return [move for move in exact if move.id not in gone]


class Counter:
    """The wanted mirror of one posted entry, for `booking.Booking` to make once."""

    model = MODEL
    action = "reverse journal entries"
    posted_fields = moves.POSTED_FIELDS

    def __init__(
        self,
        client: Client,
        reference: Reference,
        original: Original,
        wanted: PostingKey,
        mark: Mark,
        *,
        reason: str,
        day: dt.date,
    ) -> None:
        self._client = client
        self._reference = reference
        self._original = original
        self._key = wanted
        self._reason = reason
        self._day = day
        self._period = 0
        self.mark = mark
        self.fields: tuple[str, ...] = ()

    @property
    def key(self) -> PostingKey:
        return self._key

    @property
    def total(self) -> Decimal:
        """Debits of the mirror: the credits of the entry, which are as much."""
        return self._original.move.total

    async def prepare(self) -> None:
        self.fields = await self._reference.move_fields()

    async def live(self) -> Sequence[Live[Move]]:
        found = await mirrors(self._client, self._reference, self._original.move)
        for move in found:
            if not move.posted and not self._ours(move):
                raise self._not_done(f"{move.reference} would take it back and waits there. Post or delete that draft.")
        return [Live(self.mark, self._key.revision, move) for move in found]

    def _ours(self, draft: Move) -> bool:
        """Whether an earlier attempt of ours left the draft, and nobody has worked on it since."""
        ours = draft.description.startswith(_PREFIX) and draft.description.endswith(key.suffix(self._key, self.mark))
        return ours and not draft.touched

    async def check(self) -> None:
        period = await chart.period_of(self._client, self._reference.number, self._day)
        if period is None or not period.open:
            raise ErpError(self._closed("no such period" if period is None else f"period {period.name} is not open"))
        self._period = int(period.id)

    async def create(self) -> Move:
        await self.check()
        return self.parse(await self._client.create(MODEL, self._values(self._period), self.fields))

    async def against_draft(self) -> Problem | None:
        """Nothing is asked beforehand but `check`."""
        return None

    async def against_final(self, document: Move | None) -> Problem | None:
        """As `against_draft`."""
        return None

    def _values(self, period: int) -> Record:
        record, move = self._original.record, self._original.move
        # In the order of the original, which is not the one Tryton tells them in.
        lines = sorted(record["lines"], key=lambda line: line["id"])
        text = f"{_PREFIX}{move.reference}: {self._reason}"
        return shaped(
            lambda: {
                "company": self._reference.number,
                "journal": record["journal"],
                "date": self._day,
                "period": period,
                "origin": f"{MODEL},{move.id}",
                "description": key.description(text, self._key, self.mark),
                "lines": [["create", [_mirrored(line, self._day) for line in lines]]],
            }
        )

    def parse(self, record: Record) -> Move:
        return moves.parse(record)

    def after_post(self, draft: Move, record: Record) -> Move:
        return moves.after_post(draft, record)

    def differs(self, document: Move) -> str | None:
        return None if document.mirrors(self._original.move) else "amounts that do not take the entry back"

    async def refusal(self, failure: CallFailed, document: Move | None) -> Problem | CallFailed:
        if failure.outcome is not Outcome.REFUSED:
            return failure.problem(self.action)
        period = await chart.period_of(self._client, self._reference.number, self._day)
        if period is None or not period.open:
            return self._closed(failure.internal)
        if right := await access.missing_right(self._client, analytic=await self._reference.uses_analytic()):
            return problem(Failure.ERP_FORBIDDEN, failure.internal, action=right)
        return self._not_done(sentence(failure.said), failure.internal).problem

    def _closed(self, internal: str) -> Problem:
        named = self._original.move.reference
        return problem(Failure.REVERSAL_PERIOD_CLOSED, f"Tryton: {internal}", date=self._day, reference=named)

    def _not_done(self, message: str, internal: str = "") -> ErpError:
        named = self._original.move.reference
        return ErpError(problem(Failure.REVERSAL_REFUSED, internal, reference=named, message=message))


def _mirrored(line: Record, day: dt.date) -> Record:
    sent: dict[str, Any] = {
        "account": line["account"],
        "debit": line["credit"],
        "credit": line["debit"],
        "description": line["description"],
        "origin": f"account.move.line,{line['id']}",
    }
    if line["party"] is not None:
        sent["party"] = line["party"]
    if line["second_currency"] is not None:
        sent["second_currency"] = line["second_currency"]
        sent["amount_second_currency"] = -(line["amount_second_currency"] or Decimal(0))
    if line["tax_lines"]:
        sent["tax_lines"] = [["create", [_taken_back(tax) for tax in line["tax_lines"]]]]
    if line.get("analytic_lines"):
        sent["analytic_lines"] = [["create", [_turned(each, day) for each in line["analytic_lines"]]]]
    return sent


def _taken_back(tax: Mapping[str, Any]) -> Record:
    return {"tax": tax["tax"], "type": tax["type"], "amount": -tax["amount"]}


def _turned(analytic: Mapping[str, Any], day: dt.date) -> Record:
    return {"account": analytic["account"], "debit": analytic["credit"], "credit": analytic["debit"], "date": day}

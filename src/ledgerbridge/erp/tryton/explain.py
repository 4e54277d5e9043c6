"""Why Tryton refused an entry, found out by reading again: its sentences are translated and have no code."""

from __future__ import annotations

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import JournalEntry
from ledgerbridge.erp.tryton import access, chart
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome


async def refusal(client: Client, company: int, entry: JournalEntry, failure: CallFailed, *, analytic: bool) -> Problem:
    """The failure that a refused write of this entry stands for; Tryton's own sentence where nothing else is found."""
    if failure.outcome is not Outcome.REFUSED:
        return failure.problem("create journal entries")
    period = await chart.period_of(client, company, entry.date)
    if period is None or not period.open:
        return problem(Failure.PERIOD_CLOSED, failure.internal, date=entry.date)
    if right := await access.missing_right(client, analytic=analytic):
        return problem(Failure.ERP_FORBIDDEN, failure.internal, action=right)
    return await _account(client, company, entry, failure) or failure.problem()


async def _account(client: Client, company: int, entry: JournalEntry, failure: CallFailed) -> Problem | None:
    used = {int(line.account.id): line.account for line in entry.lines}
    domain = [*chart.account_domain(company), ["id", "in", sorted(used)]]
    rows = await client.search("account.account", domain, ("party_required",))
    wants_party = chart.shaped(lambda: {row["id"]: bool(row["party_required"]) for row in rows})
    for number, account in used.items():
        if number not in wants_party:
            return problem(Failure.ACCOUNT_UNKNOWN, failure.internal, code=account.code, name=account.name)
        if wants_party[number]:
            return problem(Failure.ACCOUNT_NEEDS_PARTY, failure.internal, code=account.code)
    return None

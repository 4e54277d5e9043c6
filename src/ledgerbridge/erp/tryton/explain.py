"""Why Tryton refused an entry, found out by reading again: its sentences are translated and have no code."""

from __future__ import annotations

from collections.abc import Mapping

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Account, JournalEntry
from ledgerbridge.erp.tryton import access, chart
from ledgerbridge.erp.tryton.client import ANY, Client
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
    return await against(client, company, entry, failure.internal) or failure.problem()


async def against(client: Client, company: int, entry: JournalEntry, internal: str = "") -> Problem | None:
    """What of its accounts and vendors Tryton would refuse an entry for. Rights and periods are looked at apart."""
    used = {int(line.account.id): line.account for line in entry.lines}
    if closed := await closed_account(client, company, used, internal):
        return closed
    bare = {int(line.account.id) for line in entry.lines if line.vendor is None or not line.account.party_required}
    domain = [*chart.account_domain(company), ["id", "in", sorted(bare)], ["party_required", "=", True]]
    rows = await client.search("account.account", domain, ("party_required",)) if bare else []
    wants_party = chart.shaped(lambda: [row["id"] for row in rows if row["party_required"]])
    if wants_party:
        return problem(Failure.ACCOUNT_NEEDS_PARTY, internal, code=used[wants_party[0]].code)
    return await _vendor(client, entry, internal)


async def closed_account(client: Client, company: int, used: Mapping[int, Account], internal: str) -> Problem | None:
    """The first of these accounts that no longer accepts lines."""
    domain = [*chart.account_domain(company), ["id", "in", sorted(used)]]
    rows = await client.search("account.account", domain, ("id",))
    there = {row["id"] for row in rows}
    for number, account in used.items():
        if number not in there:
            return problem(Failure.ACCOUNT_UNKNOWN, internal, code=account.code, name=account.name)
    return None


async def _vendor(client: Client, entry: JournalEntry, internal: str) -> Problem | None:
    named = {int(line.vendor) for line in entry.lines if line.vendor is not None}
    if not named:
        return None
    rows = await client.search("party.party", [["id", "in", sorted(named)], ANY], ("active",))
    gone = named - {row["id"] for row in rows}
    if gone:
        return problem(Failure.VENDOR_UNKNOWN, internal, vendor=f"number {min(gone)}")
    return None

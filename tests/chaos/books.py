"""The look at the books: what they really hold, and what Pleo was told, against what was exported."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.company import Company
from tests.chaos.held import Held
from tests.chaos.play import Basket, Wave, perhaps
from tests.chaos.world import World

_OPEN = """
    select (select count(*) from export_jobs where phase <> 'closed'),
           (select count(*) from webhook_deliveries where status = 'queued'),
           (select count(*) from vouchers where file_id is null),
           (select count(*) from voucher_files where handover_state in ('waiting', 'stuck'))
"""
_ENDS = ("jobs", "deliveries", "vouchers in no file", "files on their way")
_TRIES = "select handover_tries, count(*) from voucher_files group by handover_tries order by handover_tries"
_STUCK = "select connection_id, id from voucher_files where handover_state = 'stuck'"
_SETTLED_SECONDS = 90


@dataclass
class Finding:
    """What is wrong with the entries of a wave."""

    duplicates: list[str] = field(default_factory=list)
    """Accounting entries with more than one document, payment or copy of a file in the books."""
    lost: list[str] = field(default_factory=list)
    """Successful at Pleo without the posted document that Pleo was told of, or never successful."""
    unresolved: list[str] = field(default_factory=list)
    """Nobody knows whether they were booked."""
    misplaced: list[str] = field(default_factory=list)
    """In the books of a company that did not export them."""
    unsound: list[str] = field(default_factory=list)
    """Books that are wrong in themselves: a sum, a number, a file."""

    @property
    def clean(self) -> bool:
        return not any(vars(self).values())


def look(world: World, waves: Iterable[Wave]) -> list[dict[str, Finding]]:
    """The finding of each wave, in order, by kind of accounting system. Wait for `loose_ends` first."""
    held = {company.id: company.books.read(company) for company in world.companies}
    unknown = _unresolved(world)
    found = []
    for wave in waves:
        of = {kind: Finding() for kind in wave.kinds}
        for basket in wave.baskets:
            _compare(of[basket.company.books.kind], basket, held[basket.company.id], unknown)
        found.append(of)
    for company in world.companies if found else ():
        finding, holds, exported = found[-1][company.books.kind], held[company.id], exported_by(company)
        finding.misplaced += [entry for entry in holds.documents if entry not in exported]
        finding.unsound += [f"{company.name}, {what}" for what in holds.unsound]
    return found


def _compare(finding: Finding, basket: Basket, held: Held, unknown: set[str]) -> None:
    finding.lost += basket.left
    finding.unresolved += [entry for entry in basket.entries if entry in unknown]
    for entry, number in basket.good.items():
        states = held.documents.get(entry, [])
        wanted = [] if number is None else ["posted"]
        if len(states) > len(wanted) or held.payments[entry] > 1 or held.file_twice(entry):
            finding.duplicates.append(entry)
        elif states != wanted or (number is not None and held.numbers[entry] != [number]):
            finding.lost.append(entry)
    for entry in basket.left:
        if len(held.documents.get(entry, [])) > 1:
            finding.duplicates.append(entry)


def exported_by(company: Company) -> set[str]:
    """Every accounting entry of a company that Pleo knows."""
    return {one["id"] for one in company.control("GET", f"/expenses?company_id={company.id}")}


def _unresolved(world: World) -> set[str]:
    """Accounting entries of which the service itself says that it does not know."""
    statement = """
        select accounting_entry_id from postings where state in ('intended', 'unknown')
        union select accounting_entry_id from export_items where state = 'unknown'
    """
    with world.postgres.connect() as session:
        return {str(entry) for (entry,) in session.execute(statement)}


def loose_ends(world: World) -> dict[str, Any]:
    """What is not done once the service had time to come to it; a file that waits for a person has one who looks."""
    give_up = time.monotonic() + _SETTLED_SECONDS
    while True:
        with world.postgres.connect() as session:
            row = session.execute(_OPEN).fetchone()
            stuck = session.execute(_STUCK).fetchall()
            tries: Sequence[Any] = session.execute(_TRIES).fetchall()
        assert row is not None
        found = {name: count for name, count in zip(_ENDS, row, strict=True) if count}
        if not found or time.monotonic() > give_up:
            world.history.tell("handed over", tries=dict(tries))
            return found
        for connection, file in stuck:
            world.history.tell("handed over again", file=str(file))
            perhaps(lambda at=f"/connections/{connection}/files/{file}": world.sandbox.ask("POST", f"{at}/hand-over"))  # type: ignore[misc]
        time.sleep(1)

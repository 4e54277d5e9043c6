"""The look at the books: what the ERP really holds, and what Pleo was told, against what was exported."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.company import Company
from tests.chaos.play import Basket, Wave
from tests.chaos.world import World
from tryton_sandbox import TrytonServer
from tryton_sandbox.books import read

_KEY = re.compile(r"\[PLEO:([^\[\]#]+)(?:#([0-9a-z-]+))?\]")
_OPEN = """
    select (select count(*) from export_jobs where phase <> 'closed') as jobs,
           (select count(*) from webhook_deliveries where status = 'queued') as deliveries
"""
_SETTLED_SECONDS = 90


@dataclass
class Finding:
    """What is wrong with the entries of a wave."""

    duplicates: list[str] = field(default_factory=list)
    """Accounting entries with more than one document, payment or copy of a file in the ERP."""
    lost: list[str] = field(default_factory=list)
    """Successful at Pleo without the posted document that Pleo was told of, or never successful."""
    unresolved: list[str] = field(default_factory=list)
    """Nobody knows whether they were booked."""
    misplaced: list[str] = field(default_factory=list)
    """In the books of a company that did not export them."""

    @property
    def clean(self) -> bool:
        return not (self.duplicates or self.lost or self.unresolved or self.misplaced)


@dataclass
class Held:
    """What the ERP holds of a company."""

    documents: dict[str, list[str]] = field(default_factory=dict)
    """Accounting entry to the states of its documents."""
    payments: Counter[str] = field(default_factory=Counter)
    """Accounting entry to the number of payments beside its bill."""
    places: dict[str, list[str]] = field(default_factory=dict)
    """Accounting entry to where its documents are, as Tryton names a resource."""
    numbers: dict[str, list[str]] = field(default_factory=dict)
    """Accounting entry to the numbers its documents show."""

    def add(self, text: str | None, row: dict[str, Any], model: str) -> None:
        """Note a document by its key."""
        for entry, mark in _KEY.findall(text or ""):
            if mark.endswith("payment"):
                self.payments[entry] += 1
            else:
                self.documents.setdefault(entry, []).append("posted" if row["state"] == "paid" else row["state"])
                self.places.setdefault(entry, []).append(f"{model},{row['id']}")
                self.numbers.setdefault(entry, []).append(row["number"])


def look(world: World, waves: Iterable[Wave]) -> list[Finding]:
    """The finding of each wave, in order."""
    held = {company.id: held_by(company.books) for company in world.companies}
    exported = {company.id: exported_by(company) for company in world.companies}
    unknown = _unresolved(world)
    found = []
    for wave in waves:
        finding = Finding()
        for basket in wave.baskets:
            _compare(finding, basket, held[basket.company.id], unknown)
        found.append(finding)
    strange = [entry for name, holds in held.items() for entry in holds.documents if entry not in exported[name]]
    if found:
        found[-1].misplaced += strange
    return found


def _compare(finding: Finding, basket: Basket, held: Held, unknown: set[str]) -> None:
    finding.lost += basket.left
    finding.unresolved += [entry for entry in basket.entries if entry in unknown]
    for entry, number in basket.good.items():
        states = held.documents.get(entry, [])
        wanted = [] if number is None else ["posted"]
        if len(states) > len(wanted) or held.payments[entry] > 1 or _a_file_twice(basket, held, entry):
            finding.duplicates.append(entry)
        elif states != wanted or (number is not None and held.numbers[entry] != [number]):
            finding.lost.append(entry)
    for entry in basket.left:
        if len(held.documents.get(entry, [])) > 1:
            finding.duplicates.append(entry)


def held_by(books: TrytonServer) -> Held:
    """Everything in force under a key of ours, drafts included, read in Tryton itself."""
    held = Held()
    company = ["company", "=", books.company_id()]
    moves = [company, ["description", "like", "%[PLEO:%"]]
    for row in read(books, "account.move", moves, ["number", "description", "state"]):
        held.add(row["description"], row, "account.move")
    bills = [company, ["type", "=", "in"], ["state", "!=", "cancelled"]]
    for row in read(books, "account.invoice", bills, ["number", "description", "reference", "state"]):
        keyed = row["description"] if _KEY.search(row["description"] or "") else row["reference"]
        held.add(keyed, row, "account.invoice")
    return held


def _a_file_twice(basket: Basket, held: Held, entry: str) -> bool:
    for place in held.places.get(entry, ()):
        files = [
            row["name"] for row in read(basket.company.books, "ir.attachment", [["resource", "=", place]], ["name"])
        ]
        if len(set(files)) < len(files):
            return True
    return False


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
    """Export jobs not closed and webhooks not settled, once the service had time to come to them."""
    give_up = time.monotonic() + _SETTLED_SECONDS
    while True:
        with world.postgres.connect() as session:
            row = session.execute(_OPEN).fetchone()
        assert row is not None
        found = {name: count for name, count in zip(("jobs", "deliveries"), row, strict=True) if count}
        if not found or time.monotonic() > give_up:
            return found
        time.sleep(1)

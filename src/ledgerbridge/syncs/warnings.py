"""Says the same day that something a configuration or a category uses has gone from the ERP, not at month end.

Looked at after every full run, in what the run has read. Only accounts need one more search at Pleo, after some were
archived or while a warning about a category is open: which of them a category uses (ACC-093).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.clock import utcnow
from ledgerbridge.pleo.chart_of_accounts import AccountsApi
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.store import audit
from ledgerbridge.store.leases import LeaseLost, holds
from ledgerbridge.store.tables import MappingWarning, SyncKind
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.seen import Seen

CATEGORY = "category"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stale:
    """One thing that is used and gone."""

    code: str
    """As people know it."""
    used_by: str
    """`configuration: accounts.payable` or `category`."""
    text: str
    """What to do."""


async def review(desk: Desk) -> None:
    """Open and close the warnings of the kind that a full run has just worked on. Raises `LeaseLost`."""
    found = in_configuration(desk.kind, desk.configuration, desk.seen)
    if found is None or desk.only is not None or desk.lease is None:
        return
    known = await _open(desk)
    if desk.kind is SyncKind.ACCOUNTS:
        found += await _in_categories(desk, [row for row in known if row.used_by == CATEGORY])
    await _write_down(desk, known, found)


def in_configuration(kind: SyncKind, configuration: Configuration, seen: Seen) -> list[Stale] | None:
    """What the configuration uses of a kind and the ERP no longer has active; None when it was not read. Pure."""
    match kind:
        case SyncKind.ACCOUNTS if seen.accounts is not None:
            there = {one.code for one in seen.accounts if one.active}
            return [_stale("Account", code, path) for path, code in _accounts(configuration) if code not in there]
        case SyncKind.TAX_CODES if seen.tax_codes is not None:
            taxes = {one.code for one in seen.tax_codes if one.active}
            used = configuration.tax_codes.items()
            return [_stale("Tax", tax, f"tax.codes.{code}") for code, tax in used if tax not in taxes]
        case SyncKind.TAGS if seen.dimensions is not None:
            codes = {one.code.lower() for one in seen.dimensions if one.active}
            wanted = configuration.dimensions
            return [_stale("Dimension", code, "dimensions") for code in wanted if code.lower() not in codes]
        case SyncKind.VENDORS if seen.vendors is not None:
            names = {name for one in seen.vendors if one.active for name in (one.code, one.id)}
            vendor = configuration.default_vendor
            return [_stale("Vendor", vendor, "default_vendor")] if vendor and vendor not in names else []
        case _:
            return None


def _accounts(configuration: Configuration) -> Iterator[tuple[str, str]]:
    chosen = configuration.accounts
    for currency, code in chosen.wallet.items():
        yield f"accounts.wallet.{currency}", code
    for name in ("out_of_pocket", "contra", "external_reimbursement", "payable"):
        code = getattr(chosen, name)
        if code:
            yield f"accounts.{name}", code


def _stale(what: str, code: str, path: str) -> Stale:
    text = (
        f"{what} {code} is closed, inactive or gone in the accounting system, but the configuration still uses it at "
        f"{path}. Exports that need it will fail. Make it active there again, or choose another in the configuration."
    )
    return Stale(code, f"configuration: {path}", text)


async def _open(desk: Desk) -> list[MappingWarning]:
    async with desk.db.reading() as session:
        rows = await session.scalars(
            select(MappingWarning).where(
                MappingWarning.connection_id == desk.connection_id,
                MappingWarning.kind == desk.kind,
                MappingWarning.resolved_at.is_(None),
            )
        )
        return list(rows)


async def _in_categories(desk: Desk, known: list[MappingWarning]) -> list[Stale]:
    """Archived accounts that a category of Pleo still uses: those just archived, and those already warned of."""
    active = {one.code for one in desk.seen.accounts or () if one.active}
    suspects = {name: f"Account {name}" for name in desk.record.gone}
    suspects |= {row.code: row.text for row in known if row.code not in active}
    if not suspects:
        return []
    try:
        free = await AccountsApi(desk.pleo).without_category(desk.company_id, archived=True)
    except PleoError as error:
        log.warning("categories not looked at after archiving accounts", error=str(error))
        return [Stale(row.code, CATEGORY, row.text) for row in known]
    unused = {one.code or one.external_id for one in free}
    return [
        Stale(
            code,
            CATEGORY,
            f"Account {code} is closed or gone in the accounting system and archived in Pleo, but a category in Pleo "
            "still uses it. Choose another account for that category in Pleo, or make it active there again.",
        )
        for code in suspects
        if code not in unused
    ]


async def _write_down(desk: Desk, known: list[MappingWarning], found: list[Stale]) -> None:
    assert desk.lease is not None  # noqa: S101
    still = {(one.code, one.used_by) for one in found}
    over = [row.id for row in known if (row.code, row.used_by) not in still]
    news = [one for one in found if (one.code, one.used_by) not in {(row.code, row.used_by) for row in known}]
    if not over and not news:
        return
    async with desk.db.transaction() as session:
        if not await holds(session, desk.lease):
            raise LeaseLost(f"the lease of connection {desk.connection_id} was lost")
        for row_id in over:
            row = await session.get_one(MappingWarning, row_id)
            row.resolved_at = utcnow()
            audit.record(
                session, "system", "mapping_warning_resolved", desk.connection_id,
                kind=row.kind, code=row.code, used_by=row.used_by,
            )  # fmt: skip
        for one in news:
            await session.execute(
                insert(MappingWarning)
                .values(
                    id=uuid.uuid4(), connection_id=desk.connection_id, kind=desk.kind,
                    code=one.code, used_by=one.used_by, text=one.text,
                )
                .on_conflict_do_nothing()
            )  # fmt: skip
            audit.record(
                session, "system", "mapping_warning", desk.connection_id,
                kind=desk.kind.value, code=one.code, used_by=one.used_by,
            )  # fmt: skip
            log.warning("something in use has gone from the erp", code=one.code, used_by=one.used_by)

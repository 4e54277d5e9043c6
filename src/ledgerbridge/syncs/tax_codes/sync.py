"""One tax code run, and the part of it that an accounts run needs first (TAX-050, TAX-051)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from ledgerbridge.bookkeeping.master_data import MasterTaxCode, TaxKind
from ledgerbridge.pleo.chart_of_accounts import AccountsApi
from ledgerbridge.pleo.errors import Conflict
from ledgerbridge.pleo.tax_codes import TaxCode, TaxCodeDetails, TaxCodesApi
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs import guard
from ledgerbridge.syncs.apply import each, surely
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action, Record
from ledgerbridge.syncs.tax_codes.plan import TaxChange, TaxPlan, plan_tax_codes, same


async def sync(desk: Desk) -> None:
    """Create, update and unarchive; then archive what neither the ERP nor an active account of Pleo has any use for."""
    api = TaxCodesApi(desk.pleo)
    plan = await _planned(desk, api)
    desk.record.done(Action.UNCHANGED, plan.unchanged)
    await _bring(desk, api, plan)
    await _archive(desk, api, plan.archive)


async def foresee(desk: Desk) -> None:
    """Count what `sync` would do."""
    plan = await _planned(desk, TaxCodesApi(desk.pleo))
    desk.record.done(Action.UNCHANGED, plan.unchanged)
    desk.record.would(Action.CREATED, [_named(one) for one in plan.create])
    desk.record.would(Action.UPDATED, [_named(one.details) for one in plan.change if not one.tax_code.archived])
    desk.record.would(Action.UNARCHIVED, [_named(one.details) for one in plan.change if one.tax_code.archived])
    desk.record.would(Action.ARCHIVED, [_named(one.details) for one in plan.archive])


async def for_accounts(desk: Desk, wanted: Collection[str]) -> frozenset[str]:
    """Codes of tax codes that accounts may refer to: active in both systems.

    Missing ones are brought to Pleo first, if tax codes are synchronised at all, because Pleo refuses an account that
    refers to an unknown one (TAX-050). Nothing is archived, and the counts belong to no run of tax codes.
    """
    if not wanted:
        return frozenset()
    api = TaxCodesApi(desk.pleo)
    listed = await desk.erp.tax_codes()
    taxes = {tax.code for tax in listed if _sendable(tax)}
    there = await api.all(desk.company_id)
    known = {one.code for one in there if one.code and not one.archived}
    if taxes & set(wanted) <= known or not desk.body.syncs.tax_codes.enabled or desk.lease is None:
        return frozenset(known & taxes)
    aside = replace(desk, record=Record())
    known |= await _bring(aside, api, plan_tax_codes(listed, there))
    for one in aside.record.problems:
        desk.record.note(one.record, one.action, one.code, one.text)
    return frozenset(known & taxes)


def _sendable(tax: MasterTaxCode) -> bool:
    return tax.active and tax.kind is not TaxKind.EXCLUSIVE


async def _planned(desk: Desk, api: TaxCodesApi) -> TaxPlan:
    """Read both sides and compare; of what is to be archived only what the guard and the accounts let go."""
    taxes = await desk.erp.tax_codes()
    plan = plan_tax_codes(taxes, await api.all(desk.company_id))
    desk.record.tell(plan.troubles)
    guard.believe(len(taxes), plan.active, "taxes")
    held = {one.id: _named(one.details) for one in plan.archive}
    if desk.unusual(len(held), plan.active) and not desk.may_archive(held):
        text = (
            f"{len(plan.archive)} of {plan.active} tax codes would be archived in Pleo{desk.too_many}. "
            "None was archived. Check the taxes in the accounting system, then allow it or correct it there."
        )
        desk.ask("tax codes", text, held)
        return replace(plan, archive=())
    return replace(plan, archive=await _unused(desk, plan.archive))


async def _unused(desk: Desk, gone: Sequence[TaxCode]) -> tuple[TaxCode, ...]:
    """Those that no active account refers to any more; the accounts go first (TAX-051)."""
    if not gone:
        return ()
    accounts = await AccountsApi(desk.pleo).all(desk.company_id)
    uses = Counter(one.tax_code_external_id for one in accounts if not one.archived)
    for one in gone:
        if count := uses[one.code]:
            text = f"{count} active accounts of Pleo still refer to it. It is archived once they no longer do."
            desk.record.skipped(f"tax code {one.code} {one.name}", "still_used", text)
            if desk.body.syncs.accounts.enabled:
                desk.record.then.add(SyncKind.ACCOUNTS)
    return tuple(one for one in gone if not uses[one.code])


async def _bring(desk: Desk, api: TaxCodesApi, plan: TaxPlan) -> set[str]:
    """Create, update and unarchive, one call each (TAX-035); the codes that certainly stand in Pleo afterwards."""
    standing: set[str] = set()

    async def create(details: TaxCodeDetails) -> Action:
        await _created(desk, api, details)
        standing.add(details.code or "")
        return Action.CREATED

    async def change(one: TaxChange) -> Action:
        await api.update(one.tax_code, one.details, archived=False)
        standing.add(one.details.code or "")
        return Action.UNARCHIVED if one.tax_code.archived else Action.UPDATED

    await each(desk, plan.create, create, named=_named, action="create")
    await each(desk, plan.change, change, named=lambda one: _named(one.details), action="update")
    return standing


async def _created(desk: Desk, api: TaxCodesApi, details: TaxCodeDetails) -> None:
    async def find() -> TaxCode | None:
        there = [one for one in await api.all(desk.company_id) if one.code == details.code]
        return min(there, key=lambda one: (one.archived, one.id)) if there else None

    try:
        made = await surely(lambda: api.create(desk.company_id, details), find)
    except Conflict:
        found = await find()
        if found is None:
            raise
        made = found
    if made.archived or not same(made.details, details):
        await api.update(made, details, archived=False)


async def _archive(desk: Desk, api: TaxCodesApi, gone: Sequence[TaxCode]) -> None:
    async def archive(one: TaxCode) -> Action:
        await api.update(one, one.details, archived=True)
        return Action.ARCHIVED

    await each(desk, gone, archive, named=lambda one: _named(one.details), action="archive")


def _named(details: TaxCodeDetails) -> str:
    return f"tax code {details.code} {details.name}"

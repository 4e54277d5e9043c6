"""One accounts run: tax codes that are needed, then create, update or unarchive, archive (ACC-092)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ledgerbridge.pleo.chart_of_accounts import AccountsApi
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs import guard
from ledgerbridge.syncs.accounts.plan import AccountsPlan, plan_accounts
from ledgerbridge.syncs.accounts.writing import archive, change, create, name, named_new
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.tax_codes.sync import for_accounts


async def sync(desk: Desk) -> None:
    """Bring the accounts in step."""
    api = AccountsApi(desk.pleo)
    plan, usable = await _planned(desk, api)
    desk.record.done(Action.UNCHANGED, plan.unchanged)
    await create(desk, api, plan.create)
    await change(desk, api, plan.change)
    await archive(desk, api, plan.archive)
    if _freed(plan, usable) and desk.body.syncs.tax_codes.enabled:
        desk.record.then.add(SyncKind.TAX_CODES)


async def foresee(desk: Desk) -> None:
    """Count what `sync` would do."""
    plan, _ = await _planned(desk, AccountsApi(desk.pleo))
    desk.record.done(Action.UNCHANGED, plan.unchanged)
    desk.record.would(Action.CREATED, [named_new(one) for one in plan.create])
    desk.record.would(Action.UPDATED, [named_new(one.wanted) for one in plan.change if not one.account.archived])
    desk.record.would(Action.UNARCHIVED, [named_new(one.wanted) for one in plan.change if one.account.archived])
    desk.record.would(Action.ARCHIVED, [name(one) for one in plan.archive])


async def _planned(desk: Desk, api: AccountsApi) -> tuple[AccountsPlan, frozenset[str]]:
    """Read both sides and compare; also the tax codes that accounts may refer to."""
    accounts = await desk.erp.accounts()
    usable = await for_accounts(desk, {one.tax_code for one in accounts if one.active and one.tax_code})
    plan = plan_accounts(accounts, await api.all(desk.company_id), usable)
    guard.believe(len(accounts), plan.active, "accounts")
    desk.record.tell(plan.troubles)
    for one in plan.notes:
        desk.record.note(one.record, one.action, one.code, one.text)
    held = {one.id: name(one) for one in plan.archive}
    if desk.unusual(len(held), plan.active) and not desk.may_archive(held):
        text = (
            f"{len(plan.archive)} of {plan.active} accounts would be archived in Pleo{desk.too_many}. "
            "None was archived. Check the chart in the accounting system, then allow it or correct it there."
        )
        desk.ask("accounts", text, held)
        plan = replace(plan, archive=())
    return plan, usable


def _freed(plan: AccountsPlan, usable: Collection[str]) -> bool:
    """Whether accounts let go of a tax code that the ERP no longer has: it can be archived now (TAX-051)."""
    before = {one.account.tax_code_external_id for one in plan.change}
    before |= {one.tax_code_external_id for one in plan.archive}
    return any(code and code not in usable for code in before)

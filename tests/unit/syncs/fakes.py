"""A desk without database or network, and a Pleo that keeps accounts in memory and answers as told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from ledgerbridge.pleo.chart_of_accounts import Account, AccountsApi, BatchResult, CreatedAccount, NewAccount
from ledgerbridge.pleo.errors import BadRequest, NotFound
from ledgerbridge.store.leases import LeaseLost
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Record
from tests.unit.syncs.make import COMPANY, pleo_account


def desk(*, writers: int = 1, writes: int | None = None) -> Desk:
    """A desk that may write `writes` times before its lease is lost; None for ever."""
    left = [writes]

    async def still_ours() -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise LeaseLost("taken over")

    made = SimpleNamespace(
        record=Record(), company_id=COMPANY, still_ours=still_ours, syncs=SimpleNamespace(writers=writers)
    )
    return cast("Desk", made)


@dataclass
class FakeAccounts:
    """The calls of `AccountsApi` that creating needs."""

    there: dict[str, Account] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    """By external id: why a batch refuses it."""
    silent: set[str] = field(default_factory=set)
    """Created, but not named in the answer to a batch."""
    poison: set[str] = field(default_factory=set)
    """Refused with 400, alone and with every batch that holds it."""
    calls: list[str] = field(default_factory=list)

    @property
    def api(self) -> AccountsApi:
        return cast("AccountsApi", self)

    async def create_batch(self, company_id: str, items: Sequence[NewAccount]) -> BatchResult:
        self.calls.append(f"batch {len(items)}")
        if self.poison & {one.external_id for one in items}:
            raise BadRequest("createAccountsBatchV1", status=400)
        created, refused, unanswered = [], [], []
        for one in items:
            if one.external_id in self.reasons:
                refused.append(_refused(one, self.reasons[one.external_id]))
                continue
            self.there[one.external_id] = made = _made(one)
            if one.external_id in self.silent:
                unanswered.append(one.external_id)
            else:
                created.append(made)
        return BatchResult(tuple(created), tuple(refused), tuple(unanswered))

    async def create(self, company_id: str, new: NewAccount) -> CreatedAccount:
        self.calls.append(f"create {new.external_id}")
        if new.external_id in self.poison:
            raise BadRequest("createAccountV1", status=400, message="No.")
        self.there[new.external_id] = made = _made(new)
        return CreatedAccount(made, existed=False)

    async def find(self, company_id: str, external_id: str) -> Account | None:
        self.calls.append(f"find {external_id}")
        return self.there.get(external_id)

    async def all(self, company_id: str) -> tuple[Account, ...]:
        self.calls.append("all")
        return tuple(self.there.values())

    async def update(self, account: Account, **wanted: Any) -> Account:
        self.calls.append(f"update {account.external_id}")
        if account.external_id not in self.there:
            raise NotFound("updateAccountV1", status=404)
        return account


def _made(one: NewAccount) -> Account:
    return pleo_account(one.external_id, one.name, one.code, one.tax_code)


def _refused(one: NewAccount, reasons: Sequence[str]) -> Any:
    return SimpleNamespace(external_id=one.external_id, reasons=tuple(reasons))

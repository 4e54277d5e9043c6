"""Table A1 to A19 of accounts-and-tax-codes.md: what becomes of each account. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import MasterAccount
from ledgerbridge.pleo.chart_of_accounts import MAX_LENGTH, Account, NewAccount
from ledgerbridge.syncs.record import Trouble


@dataclass(frozen=True, slots=True)
class Change:
    """An account that is to read as `wanted` and be active, in one PUT (A3, A4, A5)."""

    account: Account
    wanted: NewAccount


@dataclass(frozen=True, slots=True)
class AccountsPlan:
    """What one run does with accounts."""

    create: tuple[NewAccount, ...] = ()
    change: tuple[Change, ...] = ()
    archive: tuple[Account, ...] = ()
    unchanged: int = 0
    active: int = 0
    """Active accounts at Pleo before the run, for the guard."""
    troubles: tuple[Trouble, ...] = ()
    """Accounts left alone."""
    notes: tuple[Trouble, ...] = ()
    """Accounts that are synchronised, with something a person should know."""


def plan_accounts(
    accounts: Sequence[MasterAccount], there: Sequence[Account], tax_codes: Collection[str]
) -> AccountsPlan:
    """Compare by `externalId` alone (ACC-030, ACC-031).

    `tax_codes` are those an account may refer to; a reference to any other is left out and told once (ACC-111).
    """
    plan = _Draft(tax_codes)
    by_id: dict[str, list[Account]] = defaultdict(list)
    for one in there:
        by_id[one.external_id].append(one)
    active: dict[str, list[MasterAccount]] = defaultdict(list)
    for account in accounts:
        if account.active:
            active[account.id].append(account)
    for external_id, found in active.items():
        plan.match(found, by_id.get(external_id, []))
    archive = [one for key, some in by_id.items() if key not in active for one in some if not one.archived]
    return AccountsPlan(
        create=tuple(plan.create),
        change=tuple(plan.change),
        archive=tuple(archive),
        unchanged=plan.unchanged,
        active=sum(not one.archived for one in there),
        troubles=tuple(plan.troubles),
        notes=(*plan.notes, *plan.unknown_taxes(), *_renumbered(plan.create, archive)),
    )


class _Draft:
    def __init__(self, tax_codes: Collection[str]) -> None:
        self._tax_codes = tax_codes
        self._unknown: dict[str, int] = defaultdict(int)
        self.create: list[NewAccount] = []
        self.change: list[Change] = []
        self.unchanged = 0
        self.troubles: list[Trouble] = []
        self.notes: list[Trouble] = []

    def match(self, found: Sequence[MasterAccount], there: Sequence[Account]) -> None:
        account = found[0]
        alive = [one for one in there if not one.archived]
        if len(found) > 1:
            self._leave(account, "id_collision", _SEVERAL.format(count=len(found)))
        elif not 1 <= len(account.id) <= MAX_LENGTH:
            self._leave(account, "id_length", _ID_LENGTH)
        elif len(account.code or "") > MAX_LENGTH:
            self._leave(account, "code_length", _CODE_LENGTH)
        elif not (account.name.strip() or (account.code or "").strip()):
            self._leave(account, "name_empty", _NAME_EMPTY)
        elif len(alive) > 1:
            self._leave(account, "duplicate", _DUPLICATE.format(count=len(alive)))
        else:
            self._single(self._wanted(account), alive or sorted(there, key=lambda one: one.id)[:1])

    def _single(self, wanted: NewAccount, there: Sequence[Account]) -> None:
        if not there:
            self.create.append(wanted)
        elif change := against(wanted, there[0]):
            self.change.append(change)
        else:
            self.unchanged += 1

    def _wanted(self, account: MasterAccount) -> NewAccount:
        code = (account.code or "").strip() or None
        if code is None:
            self.notes.append(Trouble(_named(account), "none", "code_missing", _CODE_MISSING))
        tax_code = account.tax_code or None
        if tax_code is not None and tax_code not in self._tax_codes:
            self._unknown[tax_code] += 1
            tax_code = None
        return NewAccount(account.id, shortened(account.name.strip()) or code or "", code, tax_code)

    def _leave(self, account: MasterAccount, code: str, text: str) -> None:
        self.troubles.append(Trouble(_named(account), "none", code, text))

    def unknown_taxes(self) -> list[Trouble]:
        return [
            Trouble(f"tax code {code}", "none", "tax_code_unknown", _UNKNOWN_TAX.format(count=count))
            for code, count in self._unknown.items()
        ]


def against(wanted: NewAccount, account: Account) -> Change | None:
    """What an account of Pleo needs to read as wanted and be active; None when nothing (A2 to A5, A15, A16)."""
    same = (
        not account.archived
        and account.name.strip() == wanted.name
        and ((account.code or "").strip() or None) == wanted.code
        and (account.tax_code_external_id or None) == wanted.tax_code
    )
    return None if same else Change(account, wanted)


def shortened(name: str) -> str:
    """The first part of a name that fits, the same on every run (ACC-038).

    Counted in UTF-16 units, as most servers count, so that nothing longer than Pleo's limit is ever sent.
    """
    return name.encode("utf-16-le")[: 2 * MAX_LENGTH].decode("utf-16-le", errors="ignore").strip()


def _renumbered(created: Sequence[NewAccount], archived: Sequence[Account]) -> list[Trouble]:
    """An account whose ERP id changed comes anew, and what used the old one must be pointed at it (A13)."""
    numbers = {one.code for one in created if one.code}
    return [
        Trouble(f"account {one.code} {one.name}", "archive", "identifier_changed", _NEW_ID)
        for one in archived
        if one.code in numbers
    ]


def _named(account: MasterAccount) -> str:
    return f"account {account.code or account.id} {account.name}".strip()


_SEVERAL = (
    "{count} accounts of the accounting system share one identifier, so it is not known which is meant. "
    "None was sent and none archived."
)
_ID_LENGTH = "Its identifier in the accounting system is empty or longer than the 255 characters Pleo takes. Not sent."
_CODE_LENGTH = "Its number is longer than the 255 characters Pleo takes. Shorten it in the accounting system."
_NAME_EMPTY = "It has neither a name nor a number. Give it a name in the accounting system."
_DUPLICATE = (
    "Pleo has {count} active accounts with the identifier of this one. Nothing was changed. "
    "Archive all but one in Pleo."
)
_CODE_MISSING = (
    "It has no number in the accounting system. Expenses on it cannot be exported until it has one (Pleo names the "
    "account of an expense by its number)."
)
_UNKNOWN_TAX = (
    "{count} accounts have it as their default tax, but Pleo has no such active tax code. They were sent without it. "
    "Synchronise tax codes, or correct the default tax in the accounting system."
)
_NEW_ID = (
    "The accounting system gave this account a new identifier, so it was created anew and the old one archived. "
    "Categories in Pleo that used the old account must be pointed at the new one."
)

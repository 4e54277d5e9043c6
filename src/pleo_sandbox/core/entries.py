"""Accounting entries: what a bookkeeper has in Pleo's Export queue, with the payload each will be exported with."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.words import new_id

# The types that move a wallet balance and so need a contra account for the wallet's currency.
CONTRA_TYPES = frozenset(
    {
        "card_purchase",
        "fee",
        "cashback",
        "refund",
        "chargeback",
        "direct_reimbursement",
        "invoice_payment",
        "card_invoice",
        "atm_withdrawal",
        "personal_spend",
        "wallet_topup",
        "wallet_unload",
    }
)


@dataclass(frozen=True)
class StoredFile:
    """A receipt: MIME type and content. Pleo sends neither a name nor an id with it."""

    type: str
    content: bytes


@dataclass
class Entry:
    """One accounting entry. ``payload`` is the export item without ``files``, which get fresh URLs at every fetch.

    ``seed`` and ``expected_failure`` say where it came from and which ``failureReasonType`` it is made to provoke;
    both are the sandbox's own and never part of an export item. ``locked_by`` is the unfinished job it is in.
    ``vendor_id`` is the vendor somebody tagged it with: vendor-based jobs show it as it is when they are made.
    """

    id: str
    company_id: str
    payload: dict[str, Any]
    files: tuple[StoredFile, ...] | None = None
    seed: str = "custom"
    expected_failure: str | None = None
    verbatim: bool = False
    vendor_id: str | None = None
    state: str = "unexported"
    locked_by: str | None = None
    last_error: str | None = None
    jobs: list[str] = field(default_factory=list)

    @property
    def wallet_currency(self) -> str:
        """Currency of the wallet amount; empty when the payload has none."""
        amount = self.payload.get("amount")
        wallet = amount.get("inWalletCurrency") if isinstance(amount, dict) else None
        currency = wallet.get("currency") if isinstance(wallet, dict) else None
        return currency if isinstance(currency, str) else ""

    @property
    def needs_contra_account(self) -> bool:
        """Whether Pleo refuses to export it without a contra account for its wallet currency."""
        return self.payload.get("type") in CONTRA_TYPES


def wallets_of(entries: Iterable[Entry]) -> frozenset[str]:
    """The wallet currencies of the entries that need a contra account."""
    return frozenset(entry.wallet_currency for entry in entries if entry.needs_contra_account)


class Entries:
    """All entries by id, in order of creation."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._of_company: dict[str, list[Entry]] = {}

    def add(
        self,
        company_id: str,
        payload: dict[str, Any],
        files: tuple[StoredFile, ...] | None = None,
        *,
        seed: str = "custom",
        expected_failure: str | None = None,
        verbatim: bool = False,
        vendor_id: str | None = None,
    ) -> Entry:
        """Puts an entry into the company's queue; ids missing from the payload are filled in.

        The payload is kept, not copied: who goes on using it hands in a copy.
        """
        entry_id = str(payload.setdefault("accountingEntryId", new_id()))
        if entry_id in self._entries:
            raise bad_request(f"Accounting entry {entry_id} exists already")
        payload.setdefault("companyId", company_id)
        entry = Entry(entry_id, company_id, payload, files, seed, expected_failure, verbatim, vendor_id)
        self._entries[entry_id] = entry
        self._of_company.setdefault(company_id, []).append(entry)
        return entry

    def get(self, entry_id: str) -> Entry:
        """One entry; a 400 refusal when it does not exist."""
        entry = self._entries.get(entry_id.lower()) or self._entries.get(entry_id)
        if entry is None:
            raise bad_request(f"Accounting entry {entry_id} does not exist")
        return entry

    def of_company(self, company_id: str) -> list[Entry]:
        """A company's entries."""
        return list(self._of_company.get(company_id, ()))

    def waiting(self, company_id: str) -> list[Entry]:
        """What pressing Export takes: unexported and in no unfinished job."""
        return [e for e in self.of_company(company_id) if e.state == "unexported" and e.locked_by is None]

    def unexport(self, entry_id: str, changes: dict[str, Any]) -> Entry:
        """What Pleo support can do: the entry returns to the queue, possibly edited. 400 while a job holds it."""
        entry = self.get(entry_id)
        if entry.locked_by is not None:
            raise bad_request(f"Accounting entry {entry_id} is locked by export job {entry.locked_by}")
        entry.payload = {**entry.payload, **copy.deepcopy(changes)}
        entry.state = "unexported"
        return entry

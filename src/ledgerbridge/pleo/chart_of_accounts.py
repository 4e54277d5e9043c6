"""The Chart of Accounts API v1: the accounts of one company, matched by `externalId` alone (ACC-001, ACC-030).

Archives and never deletes (ACC-088). Creating in a batch may succeed in part; nothing else has a batch form (ACC-077).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field

from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.errors import UnreadableAnswer
from ledgerbridge.pleo.models import Wire, read
from ledgerbridge.pleo.ownership import of_company
from ledgerbridge.pleo.paging import PAGE_SIZE, records
from ledgerbridge.pleo.transport import Call, PleoClient

MAX_BATCH = 1000
"""Most accounts one batch may create (ACC-074)."""
MAX_LENGTH = 255
"""Longest external id, code and name Pleo takes (ACC-034, -035, -037)."""

_PATH = "/v1/chart-of-accounts"


class BatchReason(StrEnum):
    """Why Pleo refused an account of a batch (ACC-118); others may come and stay text (ACC-120)."""

    EXTERNAL_ID_ALREADY_EXISTS = "EXTERNAL_ID_ALREADY_EXISTS"
    EXTERNAL_ID_TOO_LONG = "EXTERNAL_ID_TOO_LONG"
    EXTERNAL_ID_EMPTY = "EXTERNAL_ID_EMPTY"
    NAME_TOO_LONG = "NAME_TOO_LONG"
    NAME_EMPTY = "NAME_EMPTY"
    CODE_TOO_LONG = "CODE_TOO_LONG"
    OTHER = "OTHER"


class Account(Wire):
    """An account as Pleo holds it."""

    id: str = Field(min_length=1)
    """Pleo's id, which addresses an update (ACC-084)."""
    company_id: str
    external_id: str
    """The ERP's id: the only matching key. Empty on none of ours."""
    code: str | None = None
    name: str
    tax_code_external_id: str | None = None
    """The ERP's identifier of the tax code."""
    archived: bool
    metadata: dict[str, Any] | None = None
    """Not ours; sent back as it was read (ACC-085)."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be created, always active (ACC-070). Raises `ValueError` for what Pleo would refuse."""

    external_id: str
    name: str
    code: str | None = None
    tax_code: str | None = None
    """The `code` of a tax code (ACC-040)."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.external_id) <= MAX_LENGTH:
            raise ValueError(f"an account's external id has 1 to {MAX_LENGTH} characters (ACC-034)")
        _check_details(self.name, self.code)

    def body(self) -> dict[str, Any]:
        """The members that name something."""
        members = {"code": self.code, "taxCodeExternalId": self.tax_code}
        filled = {name: value for name, value in members.items() if value is not None}
        return {"archived": False, "externalId": self.external_id, "name": self.name, **filled}


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """The answer to a single creation."""

    account: Account
    """May be archived or carry other details when it was there before: compare it (row A15)."""
    existed: bool
    """Whether Pleo matched an account it had (200) instead of creating one (201)."""


@dataclass(frozen=True, slots=True)
class RefusedAccount:
    """An account of a batch that Pleo did not create."""

    external_id: str
    reasons: tuple[str, ...]
    """`BatchReason` values, or words Pleo has added since."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one batch; the failure of one account leaves the others standing (ACC-076)."""

    created: tuple[Account, ...]
    refused: tuple[RefusedAccount, ...]
    unanswered: tuple[str, ...]
    """External ids named in neither list: search for them before creating them again (ACC-117)."""


class AccountsApi:
    """Calls on the chart of accounts. `page_size` is the `limit` of every search."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def all(self, company_id: str) -> tuple[Account, ...]:
        """Every account of the company, active and archived (ACC-050).

        Searched twice, because what comes without the filter is not published (ACC-054). Raises `UnreadableAnswer` for
        an unreadable record or one of another company.
        """
        active = await self._search(company_id, archived=False)
        return _once(company_id, [*active, *await self._search(company_id, archived=True)])

    async def find(self, company_id: str, external_id: str) -> Account | None:
        """The account with exactly this external id, active before archived; None when there is none (ACC-072)."""
        for archived in (False, True):
            for account in await self._search(company_id, archived=archived, externalId=external_id):
                if account.external_id == external_id:
                    return account
        return None

    async def without_category(self, company_id: str, *, archived: bool = False) -> tuple[Account, ...]:
        """The active accounts that no category uses, or the archived ones.

        The rest are mapped: archiving one needs a warning. Never a base for matching (ACC-052).
        """
        return _once(company_id, await self._search(company_id, archived=archived, excludeIfAssignedToCategory=True))

    async def without_contra_use(self, company_id: str) -> tuple[Account, ...]:
        """The active accounts that are no contra account in Pleo. Never a base for matching (ACC-052)."""
        return _once(company_id, await self._search(company_id, archived=False, excludeIfAssignedToContraAccount=True))

    async def create(self, company_id: str, new: NewAccount) -> CreatedAccount:
        """Create one account, or be given the one that matches (ACC-071).

        Raises `Conflict` when the external id is taken: `find` it, never repeat (ACC-072); `OutcomeUnknown` on a lost
        reply: the same (ACC-117); `BadRequest` for anything Pleo does not take.
        """
        call = Call("createAccountV1", "POST", _PATH, body={"companyId": company_id, **new.body()}, exact=True)
        status, account = await self._client.answered(call, Account, inside="data")
        return CreatedAccount(account, existed=status == 200)

    async def create_batch(self, company_id: str, items: Sequence[NewAccount]) -> BatchResult:
        """Create 1 to 1000 accounts, in part if need be (ACC-073 to -078).

        Raises `ValueError` for none, too many or an external id named twice; `BadRequest` when the whole batch is
        refused; `OutcomeUnknown` on a lost reply: read the accounts again (ACC-117).
        """
        wanted = [item.external_id for item in items]
        if not 1 <= len(wanted) <= MAX_BATCH:
            raise ValueError(f"one batch creates 1 to {MAX_BATCH} accounts (ACC-074), not {len(wanted)}")
        if len(set(wanted)) != len(wanted):
            raise ValueError("an external id is named twice in one batch (ACC-078)")
        body = {"companyId": company_id, "items": [item.body() for item in items]}
        call = Call("createAccountsBatchV1", "POST", f"{_PATH}/batch", body=body, exact=True)
        return _result(wanted, await self._client.record(call, _Batch, inside="data"))

    async def update(
        self, account: Account, *, name: str, code: str | None, tax_code: str | None, archived: bool
    ) -> Account:
        """Update, archive or unarchive; every member goes out, the metadata as read (ACC-084, -085).

        Raises `NotFound` when the account is gone (ACC-114) and `BadRequest`, perhaps for a tax code that Pleo does not
        have (ACC-111).
        """
        _check_details(name, code)
        body: dict[str, Any] = {"archived": archived, "name": name, "code": code, "taxCodeExternalId": tax_code}
        if account.metadata is not None:
            body["metadata"] = account.metadata
        call = Call("updateAccountV1", "PUT", path_of("v1", "chart-of-accounts", account.id), body=body, exact=True)
        return await self._client.record(call, Account, inside="data")

    async def _search(self, company_id: str, **filters: Any) -> tuple[Account, ...]:
        body = {
            "companyId": company_id,
            "excludeIfAssignedToCategory": False,
            "excludeIfAssignedToContraAccount": False,
            **filters,
        }
        call = Call("searchAccountsV1", "POST", f"{_PATH}:search", body=body, safe=True, exact=True)
        return _once(company_id, await records(self._client, call, Account, limit=self._page_size))


def _once(company_id: str, found: Sequence[Account]) -> tuple[Account, ...]:
    return of_company(company_id, found, "searchAccountsV1")


def _check_details(name: str, code: str | None) -> None:
    if not name.strip() or len(name) > MAX_LENGTH:
        raise ValueError(f"an account's name has 1 to {MAX_LENGTH} characters (ACC-037)")
    if code is not None and len(code) > MAX_LENGTH:
        raise ValueError(f"an account's code has at most {MAX_LENGTH} characters (ACC-035)")


class _Batch(Wire):
    created: list[Any]
    failed: list[Any]


def _result(wanted: Sequence[str], answer: _Batch) -> BatchResult:
    created = tuple(account for raw in answer.created if (account := _account(raw)))
    refused = tuple(one for raw in answer.failed if (one := _refused(raw)))
    answered = {one.external_id for one in created} | {one.external_id for one in refused}
    return BatchResult(created, refused, tuple(one for one in wanted if one not in answered))


def _account(raw: Any) -> Account | None:
    try:
        return read(Account, raw, "")
    except UnreadableAnswer:
        return None


def _refused(raw: Any) -> RefusedAccount | None:
    """The echo of an item breaks the rules it was refused for, so only its key is read."""
    request = raw.get("request") if isinstance(raw, dict) else None
    key = request.get("externalId") if isinstance(request, dict) else None
    reasons = raw.get("reasons") if isinstance(raw, dict) else None
    if not isinstance(key, str):
        return None
    named = [reason for reason in reasons if isinstance(reason, str)] if isinstance(reasons, list) else []
    return RefusedAccount(key, tuple(named) or (BatchReason.OTHER.value,))

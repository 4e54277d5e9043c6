"""Chart of Accounts API: the six published calls."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.accounts import CREATE_MEMBERS, ITEM_MEMBERS, UPDATE_MEMBERS, Account
from pleo_sandbox.core.usage import uses_account
from pleo_sandbox.core.words import flag_of, nullable_text_of, texts_of, uuids_of
from pleo_sandbox.core.world import World
from pleo_sandbox.web.answers import answer, caller_of, query_of, world_of
from pleo_sandbox.web.lists import company_in, listing, members_of

router = APIRouter(include_in_schema=False)

_FILTERS = (
    "archived",
    "code",
    "codes",
    "companyId",
    "excludeIfAssignedToCategory",
    "excludeIfAssignedToContraAccount",
    "externalId",
    "ids",
    "name",
)
_SORTABLE = {
    "name": lambda account: account.details.name,
    "code": lambda account: account.details.code,
    "externalId": lambda account: account.external_id,
}


@router.post("/v1/chart-of-accounts")
async def create(request: Request) -> Response:
    """One account: 201, or 200 when the same one is there already."""
    caller = caller_of(request, "accounts:write")
    body = await members_of(request, "The account", CREATE_MEMBERS)
    account, is_new = world_of(request).accounts.create(company_in(caller, body), body)
    return answer({"data": account.as_published()}, 201 if is_new else 200)


@router.post("/v1/chart-of-accounts/batch")
async def create_batch(request: Request) -> Response:
    """1 to 1000 accounts; those that fail do not undo the others."""
    caller = caller_of(request, "accounts:write")
    body = await members_of(request, "The batch", ("companyId", "items"))
    world = world_of(request)
    items = body.get("items")
    for item in items if isinstance(items, list) else ():
        _remark_on_item(world, item)
    made, failed = world.accounts.create_batch(company_in(caller, body), items)
    return answer({"data": {"created": [account.as_published() for account in made], "failed": failed}}, 201)


@router.post("/v1/chart-of-accounts:search")
async def search(request: Request) -> Response:
    """Accounts of one company. Both exclude flags are required by the schema."""
    caller = caller_of(request, "accounts:read")
    query = query_of(request)
    body = await members_of(request, "The search", _FILTERS)
    world, company_id = world_of(request), company_in(caller, body)
    wanted = _Wanted(world, company_id, body)
    rows = world.accounts.of(company_id)
    return listing(request, query, rows, wanted.keeps, _SORTABLE, Account.as_published, body=body)


@router.get("/v1/chart-of-accounts/{account_id}")
async def read(request: Request, account_id: str) -> Response:
    """One account."""
    caller = caller_of(request, "accounts:read")
    query_of(request, paging=False)
    return answer({"data": world_of(request).accounts.visible(account_id, caller.companies).as_published()})


@router.put("/v1/chart-of-accounts/{account_id}")
async def update(request: Request, account_id: str) -> Response:
    """Updates, archives or unarchives."""
    caller = caller_of(request, "accounts:write")
    accounts = world_of(request).accounts
    account = accounts.visible(account_id, caller.companies)
    body = await members_of(request, "The account", UPDATE_MEMBERS)
    return answer({"data": accounts.update(account, body).as_published()})


@router.delete("/v1/chart-of-accounts/{account_id}")
async def delete(request: Request, account_id: str) -> Response:
    """Deletes an account that no accounting entry uses."""
    caller = caller_of(request, "accounts:write")
    world = world_of(request)
    account = world.accounts.visible(account_id, caller.companies)
    world.accounts.delete(account, used=uses_account(world.entries.of_company(account.company_id), account))
    return Response(status_code=204)


def _remark_on_item(world: World, item: Any) -> None:
    for name in sorted(set(item) - set(ITEM_MEMBERS)) if isinstance(item, dict) else ():
        world.recorder.remark("unknown_body_member", f"An account of a batch carries the unknown member {name}")


class _Wanted:
    """The filters of a search, checked."""

    def __init__(self, world: World, company_id: str, body: dict[str, Any]) -> None:
        self._hidden = _hidden(world, company_id, body)
        archived = None if body.get("archived") is None else flag_of(body, "archived")
        if archived is None and world.choices.account_search_default == "active":
            archived = False
        self._archived = archived
        self._external_id = nullable_text_of(body, "externalId")
        self._name = (nullable_text_of(body, "name") or "").lower()
        self._codes = texts_of(body, "codes", nullable=True)
        self._code = nullable_text_of(body, "code")
        self._ids = uuids_of(body, "ids", nullable=True)

    def keeps(self, account: Account) -> bool:
        """Whether an account passes every filter."""
        details = account.details
        if account.id in self._hidden or self._archived not in (None, details.archived):
            return False
        if self._external_id not in (None, account.external_id) or self._code not in (None, details.code):
            return False
        if (self._codes and details.code not in self._codes) or (self._ids and account.id not in self._ids):
            return False
        return self._name in details.name.lower()


def _hidden(world: World, company_id: str, body: dict[str, Any]) -> set[str]:
    hidden: set[str] = set()
    accounts = world.accounts
    if flag_of(body, "excludeIfAssignedToCategory", required=True):
        assigned = set(accounts.categories(company_id).values())
        hidden |= {account.id for account in accounts.of(company_id) if account.external_id in assigned}
    if flag_of(body, "excludeIfAssignedToContraAccount", required=True):
        contra = set(world.companies.get(company_id).contra_accounts.values())
        hidden |= {a.id for a in accounts.of(company_id) if a.details.code in contra or a.external_id in contra}
    return hidden

"""The chart of accounts at Pleo: both halves read, one key, partial batches told apart."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.chart_of_accounts import Account, AccountsApi, BatchReason, NewAccount
from tests.contract.contracts import load
from tests.unit.pleo.masters import COMPANY, OTHER_COMPANY, account, check, page, said, uid

TRAVEL = NewAccount("erp-1", "Travel", "4010", "I25")
READ = Account.model_validate(account(metadata={"mine": {}}, accountingSystem="other"))
FILTERS_OFF = {"excludeIfAssignedToCategory": False, "excludeIfAssignedToContraAccount": False}


def new(number: int) -> NewAccount:
    return NewAccount(f"erp-{number}", f"Account {number}")


@pytest.mark.rule("ACC-001", "ACC-050", "ACC-051", "ACC-052", "ACC-053", "ACC-054", "ACC-061")
async def test_active_and_archived_accounts_are_searched_apart(stage) -> None:
    answers = [page(account(1, accountingSystem="x")), page(account(2, archived=True))]
    found = await AccountsApi(stage.answers(*answers).client).all(COMPANY)
    assert [(one.external_id, one.archived) for one in found] == [("erp-1", False), ("erp-2", True)]
    assert stage.bodies == [
        {"companyId": COMPANY, **FILTERS_OFF, "archived": False},
        {"companyId": COMPANY, **FILTERS_OFF, "archived": True},
    ]
    check(stage.requests, answers)


@pytest.mark.rule("ACC-055", "ACC-056", "ACC-057", "ACC-058", "ACC-059")
async def test_paging_stands_in_the_query_and_filters_in_every_body(stage) -> None:
    stage.answers(page(account(1), after="GEZA=~"), page(account(2)), page())
    await AccountsApi(stage.client).all(COMPANY)
    asked = [request.url.params.multi_items() for request in stage.requests]
    assert asked == [[("limit", "100")], [("limit", "100"), ("after", "GEZA=~")], [("limit", "100")]]
    assert stage.bodies[0] == stage.bodies[1]


async def test_an_account_archived_between_the_two_searches_counts_once_as_archived(stage) -> None:
    stage.answers(page(account(1)), page(account(1, archived=True)))
    (found,) = await AccountsApi(stage.client).all(COMPANY)
    assert found.archived


@pytest.mark.rule("ACC-090")
@pytest.mark.parametrize(
    "broken",
    [{"id": None}, {"externalId": None}, {"archived": None}, {"companyId": OTHER_COMPANY}],
    ids=["id", "key", "archived", "company"],
)
async def test_one_account_that_cannot_be_read_fails_the_whole_list(stage, broken) -> None:
    stage.answers(page(account(1), account(2, **broken)))
    with pytest.raises(errors.UnreadableAnswer):
        await AccountsApi(stage.client).all(COMPANY)


@pytest.mark.rule("ACC-115", "ACC-116")
@pytest.mark.parametrize("fault", [httpx.Response(503), httpx.Response(429), httpx.ReadTimeout("slow")])
async def test_a_search_is_asked_again_like_any_read(stage, fault) -> None:
    stage.answers(fault, page(account(1)), page())
    assert len(await AccountsApi(stage.client).all(COMPANY)) == 1


async def test_a_search_that_stays_silent_is_no_unknown_outcome(stage) -> None:
    stage.answers(*[httpx.ReadTimeout("slow")] * 6)
    with pytest.raises(errors.Unavailable):
        await AccountsApi(stage.client).all(COMPANY)


@pytest.mark.rule("ACC-030", "ACC-031", "ACC-072")
async def test_an_account_is_found_by_its_exact_external_id_even_when_archived(stage) -> None:
    stage.answers(
        page(account(1, externalId="ERP-1", code="erp-1", name="erp-1")), page(account(2, externalId="erp-1"))
    )
    found = await AccountsApi(stage.client).find(COMPANY, "erp-1")
    assert found is not None
    assert found.id == uid(2)
    assert [(body["externalId"], body["archived"]) for body in stage.bodies] == [("erp-1", False), ("erp-1", True)]


async def test_an_account_that_is_nowhere_is_none(stage) -> None:
    assert await AccountsApi(stage.answers(page(), page()).client).find(COMPANY, "erp-1") is None


async def test_accounts_no_category_or_contra_account_uses_are_asked_for_by_flag(stage) -> None:
    api = AccountsApi(stage.answers(page(account(1)), page(account(2))).client)
    assert [one.id for one in await api.without_category(COMPANY)] == [uid(1)]
    assert [one.id for one in await api.without_contra_use(COMPANY)] == [uid(2)]
    assert stage.bodies == [
        {"companyId": COMPANY, **FILTERS_OFF, "archived": False, "excludeIfAssignedToCategory": True},
        {"companyId": COMPANY, **FILTERS_OFF, "archived": False, "excludeIfAssignedToContraAccount": True},
    ]


@pytest.mark.rule("ACC-070", "ACC-071")
@pytest.mark.parametrize(("status", "existed"), [(201, False), (200, True)])
async def test_the_status_says_whether_an_account_was_there(stage, status, existed) -> None:
    answer = said(account(1, archived=existed), status)
    made = await AccountsApi(stage.answers(answer).client).create(COMPANY, TRAVEL)
    assert (made.existed, made.account.archived) == (existed, existed)
    assert stage.bodies == [
        {
            "companyId": COMPANY,
            "archived": False,
            "externalId": "erp-1",
            "name": "Travel",
            "code": "4010",
            "taxCodeExternalId": "I25",
        }
    ]
    check(stage.requests, [answer])


@pytest.mark.rule("ACC-072", "ACC-110", "ACC-113")
@pytest.mark.parametrize(
    ("status", "error"), [(400, errors.BadRequest), (403, errors.Forbidden), (409, errors.Conflict)]
)
async def test_a_refused_creation_is_typed_and_not_repeated(stage, status, error) -> None:
    with pytest.raises(error):
        await AccountsApi(stage.answers(httpx.Response(status)).client).create(COMPANY, TRAVEL)
    assert len(stage.requests) == 1


@pytest.mark.rule("ACC-117")
@pytest.mark.parametrize(
    "fault",
    [httpx.ReadTimeout("slow"), httpx.Response(502), httpx.Response(201, content=b"{"), said({"id": uid(1)}, 201)],
    ids=["timeout", "502", "cut-off", "unreadable"],
)
async def test_a_creation_in_doubt_is_never_sent_again(stage, fault) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        await AccountsApi(stage.answers(fault).client).create(COMPANY, TRAVEL)
    assert len(stage.requests) == 1


@pytest.mark.rule("ACC-117")
@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("slow"), httpx.Response(503), said({"created": []}, 201)], ids=["slow", "503", "half"]
)
async def test_a_batch_in_doubt_is_never_sent_again(stage, fault) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        await AccountsApi(stage.answers(fault).client).create_batch(COMPANY, [TRAVEL])
    assert len(stage.requests) == 1


@pytest.mark.rule("ACC-073", "ACC-074", "ACC-075", "ACC-076", "ACC-118")
async def test_a_batch_tells_created_refused_and_unanswered_apart(stage) -> None:
    failed = [
        {"reasons": ["EXTERNAL_ID_ALREADY_EXISTS", "NAME_TOO_LONG"], "request": new(2).body()},
        {"reasons": ["CODE_TOO_LONG"], "request": new(3).body()},
    ]
    answer = said({"created": [account(1)], "failed": failed}, 201)
    done = await AccountsApi(stage.answers(answer).client).create_batch(COMPANY, [new(n) for n in range(1, 5)])
    assert [one.external_id for one in done.created] == ["erp-1"]
    assert [(one.external_id, one.reasons) for one in done.refused] == [
        ("erp-2", (BatchReason.EXTERNAL_ID_ALREADY_EXISTS, BatchReason.NAME_TOO_LONG)),
        ("erp-3", ("CODE_TOO_LONG",)),
    ]
    assert done.unanswered == ("erp-4",)
    (body,) = stage.bodies
    assert body["companyId"] == COMPANY
    assert body["items"][0] == {"archived": False, "externalId": "erp-1", "name": "Account 1"}
    check(stage.requests, [answer])


@pytest.mark.rule("ACC-120")
@pytest.mark.parametrize(
    ("reasons", "read"),
    [(["SOMETHING_NEW"], ("SOMETHING_NEW",)), ([], ("OTHER",)), (None, ("OTHER",)), ([7, "OTHER"], ("OTHER",))],
)
async def test_a_reason_nobody_knew_stays_as_text(stage, reasons, read) -> None:
    echo = {"externalId": "erp-2", "name": "x" * 999}
    body = {"created": [], "failed": [{"reasons": reasons, "request": echo}, {"reasons": ["OTHER"]}, 7]}
    done = await AccountsApi(stage.answers(said(body, 201)).client).create_batch(COMPANY, [new(1), new(2)])
    assert [(one.external_id, one.reasons) for one in done.refused] == [("erp-2", read)]
    assert done.unanswered == ("erp-1",)


@pytest.mark.rule("ACC-118")
def test_the_reasons_are_those_of_the_contract() -> None:
    published = load("accounts")["components"]["schemas"]["BatchFailureReason"]["enum"]
    assert [reason.value for reason in BatchReason] == published


@pytest.mark.rule("ACC-074", "ACC-078")
@pytest.mark.parametrize("numbers", [[], range(1001), [1, 1]], ids=["none", "1001", "twice"])
async def test_a_batch_of_the_wrong_size_or_with_a_key_twice_is_never_sent(stage, numbers) -> None:
    with pytest.raises(ValueError, match="ACC-07"):
        await AccountsApi(stage.client).create_batch(COMPANY, [new(number) for number in numbers])
    assert stage.requests == []


@pytest.mark.rule("ACC-074")
async def test_a_thousand_accounts_are_one_call(stage) -> None:
    answer = said({"created": [account(n) for n in range(1000)], "failed": []}, 201)
    done = await AccountsApi(stage.answers(answer).client).create_batch(COMPANY, [new(n) for n in range(1000)])
    assert (len(done.created), done.unanswered, len(stage.requests)) == (1000, (), 1)


@pytest.mark.rule("ACC-077", "ACC-084", "ACC-085", "ACC-086")
@pytest.mark.parametrize("archived", [True, False])
async def test_an_update_says_every_member_and_none_of_the_keys(stage, archived) -> None:
    answer = said(account())
    api = AccountsApi(stage.answers(answer).client)
    await api.update(READ, name="Travel", code=None, tax_code=None, archived=archived)
    assert stage.bodies == [
        {
            "archived": archived,
            "name": "Travel",
            "code": None,
            "taxCodeExternalId": None,
            "metadata": {"mine": {}},
        }
    ]
    assert (stage.requests[0].method, stage.requests[0].url.path) == ("PUT", f"/v1/chart-of-accounts/{uid(1)}")
    check(stage.requests, [answer])


@pytest.mark.rule("ACC-111", "ACC-114")
@pytest.mark.parametrize(("status", "error"), [(400, errors.BadRequest), (404, errors.NotFound)])
async def test_a_refused_update_is_typed_and_not_repeated(stage, status, error) -> None:
    api = AccountsApi(stage.answers(httpx.Response(status)).client)
    with pytest.raises(error):
        await api.update(READ, name="Travel", code="1", tax_code="gone", archived=False)
    assert len(stage.requests) == 1


@pytest.mark.rule("ACC-034", "ACC-035", "ACC-037")
@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        ("", "n", None),
        ("x" * 256, "n", None),
        ("x", "", None),
        ("x", " ", None),
        ("x", "n" * 256, None),
        ("x", "n", "c" * 256),
    ],
)
def test_an_account_pleo_would_refuse_cannot_be_made(key, name, code) -> None:
    with pytest.raises(ValueError, match="255"):
        NewAccount(key, name, code)


@pytest.mark.rule("ACC-002", "ACC-003", "ACC-087", "ACC-088")
async def test_only_the_v1_family_is_called_and_nothing_is_deleted(stage) -> None:
    batch = {"created": [account(1)], "failed": []}
    stage.answers(page(), page(), said(account(), 201), said(batch, 201), said(account()))
    api = AccountsApi(stage.client)
    await api.all(COMPANY)
    await api.create(COMPANY, TRAVEL)
    await api.create_batch(COMPANY, [TRAVEL])
    await api.update(READ, name="x", code="y", tax_code=None, archived=True)
    assert all(request.url.path.startswith("/v1/chart-of-accounts") for request in stage.requests)
    assert {request.method for request in stage.requests} == {"POST", "PUT"}
    assert not [name for name in vars(AccountsApi) if "delete" in name]

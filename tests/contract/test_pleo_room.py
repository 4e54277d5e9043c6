"""The service's Pleo room against the sandbox, with the contracts watching both directions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.clock import utcnow
from ledgerbridge.pleo import errors
from ledgerbridge.pleo.companies import company_name
from ledgerbridge.pleo.downloads import Downloader
from ledgerbridge.pleo.events import ExportJobCreated, parse_event
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.pleo.introspect import company_of, introspect
from ledgerbridge.pleo.reports import ItemUpdate
from ledgerbridge.pleo.signature import verify
from ledgerbridge.pleo.subscriptions import SubscriptionsApi
from ledgerbridge.pleo.tokens import GrantRefused
from pleo_sandbox.app import create_app
from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from pleo_sandbox.seeds import named
from tests.contract.desk import Desk
from tests.contract.room import URL, Company


class Inbox:
    def __init__(self) -> None:
        self.got: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return httpx.Response(202)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def company(inbox: Inbox) -> AsyncIterator[Company]:
    config = SandboxConfig(page_cap=3, webhook_retry_seconds=(0, 0, 0))
    desk = Desk(create_app(config, webhook_transport=httpx.MockTransport(inbox.handle)))
    made = Company(desk)
    await made.connect()
    yield made
    await made.http.aclose()
    await desk.close()


@pytest.mark.rule("AUTH-030", "AUTH-031", "AUTH-050", "AUTH-056")
async def test_tokens_rotate_and_a_spent_code_is_refused(company: Company) -> None:
    first = company.tokens
    second = await company.oauth.refresh(first.refresh_token or "")
    assert {first.access_token, first.refresh_token}.isdisjoint({second.access_token, second.refresh_token})
    with pytest.raises(GrantRefused):
        await company.oauth.exchange_code(
            code=company.code, redirect_uri=company.desk.client.redirect_uris[0], verifier=company.verifier
        )


@pytest.mark.rule("AUTH-046")
async def test_a_token_can_be_looked_into(company: Company) -> None:
    token = await company.oauth.introspect(company.tokens.access_token)
    assert (token.active, token.subject_urn) == (True, f"urn:pleo:company:{DEMO_COMPANY_ID}")


@pytest.mark.rule("AUTH-054")
async def test_a_rejected_token_is_renewed_once_and_the_call_succeeds(company: Company) -> None:
    await company.desk.refresh(company.tokens.refresh_token or "")
    with pytest.raises(GrantRefused):
        await introspect(company.pleo)
    await company.connect()
    await company.desk.fault("status", status=401, path="/v1/introspect", after_effect=False)
    before = company.tokens.access_token
    await introspect(company.pleo)
    assert company.tokens.access_token != before


@pytest.mark.rule("AUTH-062")
async def test_credential_and_installation_name_the_company(company: Company) -> None:
    api = InstallationsApi(company.pleo)
    installation = await api.get()
    assert company_of(await introspect(company.pleo), installation) == DEMO_COMPANY_ID
    assert await company_name(company.pleo, DEMO_COMPANY_ID) == "Demo ApS"
    assert installation.awaits_activation
    assert (await api.update("PENDING_INTEGRATION")).status == "PENDING_INTEGRATION"
    assert (await api.activate()).status == "ACTIVATED"


async def test_uninstalling_ends_the_tokens(company: Company) -> None:
    await InstallationsApi(company.pleo).delete()
    with pytest.raises(GrantRefused):
        await introspect(company.pleo)


@pytest.mark.rule("HOOK-004", "HOOK-006", "LIMIT-030")
async def test_a_subscription_is_made_once_even_when_the_reply_is_lost(company: Company) -> None:
    api = SubscriptionsApi(company.pleo)
    await company.desk.fault("drop", method="POST", path="/v1/subscriptions", after_effect=True)
    made = await api.ensure("https://bridge.example/hooks/1")
    again = await api.ensure("https://bridge.example/hooks/1")
    assert again.id == made.id
    assert len(await api.list_all()) == 1
    assert (await api.secret(made.id)).startswith("whsec_")
    await api.delete(made.id)
    await api.delete(made.id)
    assert await api.list_all() == ()


@pytest.mark.rule("HOOK-032", "HOOK-033", "HOOK-023")
async def test_a_delivery_is_believed_and_read(company: Company, inbox: Inbox) -> None:
    api = SubscriptionsApi(company.pleo)
    secret = await api.secret((await api.ensure("https://bridge.example/hooks/1")).id)
    job = await company.desk.export("card_purchase")
    await company.desk.sandbox.dispatcher.settle()
    (delivery,) = inbox.got
    assert verify(delivery.headers, delivery.content, [secret], utcnow()).ok
    event = parse_event(delivery.content)
    assert isinstance(event, ExportJobCreated)
    assert (event.job_id, event.company_id) == (job["id"], DEMO_COMPANY_ID)


@pytest.mark.rule("EXP-DATA-01", "EXP-DATA-05", "EXP-DATA-12", "LIMIT-020")
async def test_every_seed_is_read_or_refused_by_name(company: Company) -> None:
    job = await company.desk.export("all")
    api = ExportApi(company.pleo, page_size=3)
    items = [item async for page in api.export_items(job["id"]) for item in page]
    assert len(items) == job["numberOfItems"] == len(named("all"))
    assert {item.accounting_entry_id for item in items} == {entry["accountingEntryId"] for entry in job["items"]}
    refused = [item.problem.failure for item in items if item.problem]
    assert sorted(refused) == sorted([Failure.AMOUNT_INVALID, Failure.PAYLOAD_UNREADABLE])


@pytest.mark.rule("EXP-UPD-02", "EXP-UPD-07", "EXP-DONE-03", "LIMIT-031")
async def test_a_job_from_pending_to_completed_with_errors(company: Company) -> None:
    made = await company.desk.export("card_purchase", "refund", "fee", "mileage")
    api = ExportApi(company.pleo)
    (job,) = await api.list_jobs(DEMO_COMPANY_ID, ["pending"])
    assert (job.id, job.number_of_items) == (made["id"], 4)
    await api.send_event(job.id, "started")
    with pytest.raises(errors.Unprocessable):
        await api.send_event(job.id, "started")
    entries = [item.accounting_entry_id async for page in api.job_items(job.id) for item in page]
    assert len(entries) == 4
    updates = [
        ItemUpdate.successful(entry, external_id="JE-1", external_url=None, exported_at=datetime.now(UTC))
        for entry in entries[:3]
    ]
    failed = ItemUpdate.failed(entries[3], reason="Account 9 does not exist", reason_type="account_unknown")
    await company.desk.fault("status", status=502, method="PUT", path="/v3/export-jobs/*/items", after_effect=False)
    reported = await api.update_items(job.id, [*updates, failed])
    assert (len(reported.updated), reported.errors, reported.unanswered) == (4, (), ())
    await company.desk.fault("drop", method="POST", path="/v3/export-job-events", after_effect=True)
    with pytest.raises(errors.OutcomeUnknown):
        await api.send_event(job.id, "completed_with_errors")
    assert (await api.get_job(job.id)).status == "completed_with_errors"
    with pytest.raises(errors.Unprocessable):
        await api.update_items(job.id, [failed])


async def test_every_receipt_arrives_whole(company: Company) -> None:
    job = await company.desk.export("all")
    api = ExportApi(company.pleo)
    links = [
        file async for page in api.export_items(job["id"]) for found in page if found.item for file in found.item.files
    ]
    outside = httpx.ASGITransport(app=company.desk.sandbox)
    files = Downloader(httpx.AsyncClient(transport=outside), local_allowed=True)
    assert links
    for link in links:
        fetched = await files.fetch(link.url.replace("http://pleo.test", URL))
        assert fetched.file.size == link.size
        assert fetched.content_type == link.type

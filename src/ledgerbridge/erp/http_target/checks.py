# ruff: noqa: S101
"""Checks of a partner's endpoint, by its address and secret alone: what it promises on the wire, tried.

    HTTP_TARGET_URL=https://test.erp.example.com/pleo HTTP_TARGET_SECRET=whsec_... \
        pytest -o asyncio_mode=auto --pyargs ledgerbridge.erp.http_target.checks

It books small entries into the company named by HTTP_TARGET_COMPANY, or the first one: give it one for tests. Requests
are sent past the adapter's own care, so that what is tried is the partner's. The conformance suite with a bench
(`ledgerbridge.erp.conformance`) looks into the books besides; this does not. Only tests import this module.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from ledgerbridge.bookkeeping.words import Account, Chart, EntryLine, JournalEntry, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.http_target import documents, target, wire, wire_master
from ledgerbridge.erp.http_target.client import Client, a_write, http_client
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome
from ledgerbridge.erp.http_target.master import Lists, chart
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.http_target.settings import Access, access
from ledgerbridge.erp.port import Attachment, Capabilities
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.outgoing.signing import sign

PLEO = "3f0c2f6e-0c43-4a39-9d5e-0a3f8f3f1c11"
ONCE = Patience(tries=1)


@dataclass
class Endpoint:
    """A partner, called without care."""

    at: Access
    http: httpx.AsyncClient
    client: Client
    company: str
    able: Capabilities
    chart: Chart
    required: tuple[tuple[str, str], ...]
    """A value of each dimension that accounts may demand."""

    def entry(self, amount: str = "12.50", *, id_: str | None = None, day: dt.date | None = None) -> JournalEntry:
        """A small expense paid from the wallet."""
        plain = [one for one in self.chart.accounts if not one.party_required]
        expense = self._chosen("EXPENSE", [one for one in plain if one.income])
        wallet = self._chosen("WALLET", [one for one in plain if not one.income and one != expense])
        value, nothing = Decimal(amount), Decimal(0)
        dimensions = self.required if expense.needs_dimensions else ()
        when = day or self.open_day()
        return JournalEntry(
            PostingKey(PLEO, id_ or str(uuid4())), self.chart.journals[0], when, when, self.chart.currency,
            "Check of the endpoint",
            (
                EntryLine(expense, value, nothing, "Check", dimensions=dimensions),
                EntryLine(wallet, nothing, value, "Check"),
            ),
        )  # fmt: skip

    @staticmethod
    def _chosen(name: str, accounts: list[Account]) -> Account:
        code = os.environ.get(f"HTTP_TARGET_{name}")
        return next(one for one in accounts if code in (None, one.code))

    def open_day(self) -> dt.date:
        today = utcnow().date()
        opened = [one for one in self.chart.periods if one.open and one.start <= today]
        return min(today, opened[-1].end)

    async def book(
        self, *entries: JournalEntry, final: bool = True, files: tuple[wire.File, ...] = ()
    ) -> wire.BookAnswer:
        asked = wire.BookRequest(
            operation="book", company=self.company, final=final,
            documents=tuple(documents.sent(one, files) for one in entries),
        )  # fmt: skip
        names = [documents.name_of(one.key) for one in entries]
        return await self.client.write(asked, wire.BookAnswer, a_write("book", *names))

    async def booked(self, entry: JournalEntry, *, final: bool = True) -> wire.BookedDocument:
        (result,) = (await self.book(entry, final=final)).results
        assert result.booked, result.error
        return result.booked

    async def refused(self, entry: JournalEntry) -> wire.Problem:
        (result,) = (await self.book(entry)).results
        assert result.error, "it was booked"
        return result.error

    async def found(self, entry: JournalEntry, *, taken_back: bool = False) -> list[wire.FoundDocument]:
        asked = wire.FindRequest(
            operation="find", company=self.company, pleo_company=PLEO, taken_back=taken_back,
            entries=(entry.key.accounting_entry_id,),
        )  # fmt: skip
        return list((await self.client.once(asked, wire.FindAnswer)).found)

    async def raw(self, path: str, body: bytes, *, secret: str | None = None, ago: int = 0) -> httpx.Response:
        moment = int(utcnow().timestamp()) - ago
        headers = {"webhook-id": f"check-{uuid4().hex}", "webhook-timestamp": str(moment)}
        headers["webhook-signature"] = sign(secret or self.at.secrets[0], headers["webhook-id"], moment, body)
        return await self.http.post(path, content=body, headers=headers | {"Content-Type": "application/json"})

    def needs(self, capability: str) -> None:
        if not getattr(self.able, capability):
            pytest.skip(f"not claimed: {capability}")


@pytest.fixture
def access_to_endpoint() -> Access:
    """Where the partner is; a test of one's own may give another one."""
    if "HTTP_TARGET_URL" not in os.environ:
        pytest.skip("HTTP_TARGET_URL and HTTP_TARGET_SECRET name no endpoint")
    named = {"base_url": os.environ["HTTP_TARGET_URL"], "secret": os.environ.get("HTTP_TARGET_SECRET", "")}
    return access(named)


@pytest.fixture
async def endpoint(access_to_endpoint: Access) -> AsyncIterator[Endpoint]:
    async with http_client(access_to_endpoint, ONCE, reach=Reach(local=True)) as http:
        client = Client(http, access_to_endpoint.secrets, ONCE)
        declared = await client.once(wire.Request(operation="capabilities"), wire_master.CapabilitiesAnswer)
        able, known = target.capabilities(declared), await target.companies(client)
        wanted = os.environ.get("HTTP_TARGET_COMPANY", known[0].id)
        (company,) = (one for one in known if one.id == wanted)
        lists = Lists(client, company.id)
        found = await chart(lists, company.currency, dimensions=able.dimensions, tax_codes=able.tax_codes)
        required = tuple((one.code, next(iter(one.values))) for one in found.dimensions if one.required)
        yield Endpoint(access_to_endpoint, http, client, company.id, able, found, required)


class TestSignatures:
    """Only who knows the secret is answered."""

    async def test_another_secret_is_refused(self, endpoint: Endpoint) -> None:
        other = "whsec_" + "A" * 43 + "="
        answer = await endpoint.raw("capabilities", b'{"operation":"capabilities"}', secret=other)
        assert answer.status_code == 401

    async def test_an_old_request_is_refused(self, endpoint: Endpoint) -> None:
        answer = await endpoint.raw("capabilities", b'{"operation":"capabilities"}', ago=3600)
        assert answer.status_code == 401

    async def test_a_request_signed_for_one_address_is_refused_at_another(self, endpoint: Endpoint) -> None:
        answer = await endpoint.raw("companies", b'{"operation":"capabilities"}')
        assert 400 <= answer.status_code < 500

    async def test_members_it_does_not_know_are_ignored(self, endpoint: Endpoint) -> None:
        answer = await endpoint.raw("companies", b'{"operation":"companies","of_a_later_version":[1]}')
        assert answer.status_code == 200


class TestMoney:
    """Each entry once, whatever happens."""

    async def test_what_is_sent_twice_is_booked_once(self, endpoint: Endpoint) -> None:
        wanted = endpoint.entry()
        first, second = await endpoint.booked(wanted), await endpoint.booked(wanted)
        assert (first.already_there, second.already_there) == (False, True)
        assert (first.document, first.number) == (second.document, second.number)

    async def test_what_is_sent_several_times_at_once_is_booked_once(self, endpoint: Endpoint) -> None:
        wanted = endpoint.entry()
        booked = await asyncio.gather(*(endpoint.booked(wanted) for _ in range(4)))
        assert len({one.document.id for one in booked}) == 1
        assert sum(not one.already_there for one in booked) == 1

    async def test_another_amount_under_the_key_is_refused(self, endpoint: Endpoint) -> None:
        wanted = endpoint.entry()
        await endpoint.booked(wanted)
        other = replace(endpoint.entry("99.00"), key=wanted.key)
        assert (await endpoint.refused(other)).code == "duplicate_key_other_content"
        later = replace(wanted, key=replace(wanted.key, revision=2))
        assert (await endpoint.refused(later)).code == "duplicate_key_other_content"

    async def test_after_a_lost_reply_the_probe_tells_the_truth(self, endpoint: Endpoint) -> None:
        endpoint.needs("can_probe")
        wanted = endpoint.entry()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await endpoint.book(wanted)
        await asyncio.sleep(1)
        seen = await endpoint.found(wanted)
        booked = await endpoint.booked(wanted)
        assert booked.already_there == bool(seen)
        assert [one.document for one in await endpoint.found(wanted)] == [booked.document]

    async def test_the_probe_shows_what_was_booked_and_nothing_else(self, endpoint: Endpoint) -> None:
        endpoint.needs("can_probe")
        wanted = endpoint.entry("1234.50")
        assert not await endpoint.found(wanted)
        booked = await endpoint.booked(wanted)
        (seen,) = await endpoint.found(wanted)
        assert (seen.document, seen.number, seen.final) == (booked.document, booked.number, True)
        assert (f"{seen.total:.2f}", seen.complete, seen.taken_back_by) == ("1234.50", True, None)
        assert documents.posting_key(seen.key) == wanted.key

    async def test_what_one_is_refused_for_costs_the_others_nothing(self, endpoint: Endpoint) -> None:
        if endpoint.able.batch < 3:
            pytest.skip("not claimed: batch")
        wrong = endpoint.entry()
        gone = replace(wrong.lines[0], account=Account("no-such-account", "no-such-account", "Gone"))
        wrong = replace(wrong, lines=(gone, wrong.lines[1]))
        first, second, third = (await endpoint.book(endpoint.entry(), wrong, endpoint.entry())).results
        assert first.booked
        assert third.booked
        assert second.error
        assert second.error.code == "unknown_account"
        if endpoint.able.can_probe:
            assert not await endpoint.found(wrong)

    async def test_a_closed_period_is_refused(self, endpoint: Endpoint) -> None:
        closed = [one for one in endpoint.chart.periods if not one.open]
        day = closed[-1].end if closed else dt.date(1990, 1, 1)
        assert (await endpoint.refused(endpoint.entry(day=day))).code == "closed_period"

    async def test_an_entry_that_does_not_balance_is_refused(self, endpoint: Endpoint) -> None:
        wanted = endpoint.entry()
        short = replace(wanted.lines[1], credit=wanted.lines[1].credit - Decimal("0.01"))
        assert (await endpoint.refused(replace(wanted, lines=(wanted.lines[0], short)))).code

    async def test_a_draft_is_made_final_and_stays_the_same_document(self, endpoint: Endpoint) -> None:
        endpoint.needs("drafts")
        wanted = endpoint.entry()
        draft, final = await endpoint.booked(wanted, final=False), await endpoint.booked(wanted)
        assert (draft.final, draft.number, final.final) == (False, None, True)
        assert draft.document == final.document

    async def test_what_is_taken_back_has_one_counter_entry(self, endpoint: Endpoint) -> None:
        endpoint.needs("can_reverse")
        wanted = endpoint.entry()
        booked = await endpoint.booked(wanted)
        asked = wire.ReverseRequest(
            operation="reverse", company=endpoint.company, document=booked.document, key=documents.key(wanted.key),
            reason="Check of the endpoint",
        )  # fmt: skip
        first, second = [
            await endpoint.client.write(asked, wire.ReverseAnswer, a_write("reverse", str(at))) for at in range(2)
        ]
        assert (first.already_there, second.already_there) == (False, True)
        assert first.counter == second.counter
        assert first.counter
        assert not await endpoint.found(wanted)
        (taken_back,) = await endpoint.found(wanted, taken_back=True)
        assert taken_back.taken_back_by == first.counter


class TestFiles:
    """Receipts come before the entry, under their hash."""

    async def test_a_file_is_taken_and_may_come_again(self, endpoint: Endpoint) -> None:
        endpoint.needs("attachments")
        file = Attachment("check.pdf", "application/pdf", HeldFile.of(b"%PDF-1.4 " + os.urandom(5_000)))
        ((sha256, _),) = documents.hashed([file])
        for _ in range(2):
            await endpoint.client.upload(sha256, file.type, file.file)
        (result,) = (await endpoint.book(endpoint.entry(), files=(documents.file(sha256, file),))).results
        assert result.booked, result.error

    async def test_bytes_of_another_hash_are_refused(self, endpoint: Endpoint) -> None:
        endpoint.needs("attachments")
        wrong = hashlib.sha256(b"other").hexdigest()
        with pytest.raises(CallFailed) as caught:
            await endpoint.client.upload(wrong, "application/pdf", HeldFile.of(b"%PDF-1.4"))
        assert caught.value.outcome is Outcome.PROBLEM

    async def test_an_entry_with_a_file_that_never_came_is_refused(self, endpoint: Endpoint) -> None:
        endpoint.needs("attachments")
        never = hashlib.sha256(os.urandom(9)).hexdigest()
        missing = wire.File(name="check.pdf", type="application/pdf", size=5, sha256=never)
        (result,) = (await endpoint.book(endpoint.entry(), files=(missing,))).results
        assert result.error
        assert result.error.code == "attachment_missing"


class TestLists:
    """Lists are whole, and the same when they are read again."""

    async def test_every_list_is_as_long_as_it_says(self, endpoint: Endpoint) -> None:
        lists, able = Lists(endpoint.client, endpoint.company), endpoint.able
        names = ["accounts", "journals", "periods"]
        names += [name for name in ("tax_codes", "dimensions", "vendors") if getattr(able, name)]
        for name in names:
            assert await getattr(lists, name)() == await getattr(lists, name)(), name

    async def test_a_vendor_is_created_once(self, endpoint: Endpoint) -> None:
        endpoint.needs("vendors")
        new = wire_master.NewVendor(pleo_id=str(uuid4()), name=f"Check {uuid4().hex[:8]}")
        asked = wire_master.CreateVendorRequest(operation="create_vendor", company=endpoint.company, vendor=new)
        made = [
            (await endpoint.client.write(asked, wire_master.VendorAnswer, a_write("create_vendor", str(at)))).vendor
            for at in range(2)
        ]
        assert made[0] == made[1]
        assert made[0].pleo_id == new.pleo_id

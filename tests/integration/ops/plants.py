"""Ways to break each invariant, and what only looks like it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable

from ledgerbridge.clock import utcnow
from ledgerbridge.store.tables import ConnectionStatus, ExportItem, ItemState, JobPhase, PostingState
from tests.integration.ops.planting import SEALED, Garden, ago

Plant = Callable[[Garden], Awaitable[object]]
PLANTS: list[tuple[str, str, Plant]] = []
WELL: list[tuple[str, str, Plant]] = []


ASKED: dict[str, object] = {
    "reversal_by": "admin:ada",
    "reversal_reason": "Wrong cost centre",
    "reversal_at": ago(minutes=10),
}
"""Somebody asked to take a posting back."""


def broken(name: str, how: str) -> Callable[[Plant], Plant]:
    """A way to break the invariant `name`."""

    def keep(plant: Plant) -> Plant:
        PLANTS.append((name, how, plant))
        return plant

    return keep


def well(name: str, how: str) -> Callable[[Plant], Plant]:
    """Something that looks like a violation of `name` and is none."""

    def keep(plant: Plant) -> Plant:
        WELL.append((name, how, plant))
        return plant

    return keep


# ------------------------------------------------------------------ postings


@broken("one-live-posting", "two revisions live")
async def _(garden: Garden) -> None:
    await garden.sql("drop index uq_postings_one_live")
    owner = garden.company()
    garden.posting(owner, "e1", PostingState.BOOKED)
    garden.posting(owner, "e1", PostingState.UNKNOWN, revision=2)


@well("one-live-posting", "the same entry of two companies, and one taken back")
async def _(garden: Garden) -> None:
    one, other = garden.company(), garden.company()
    garden.posting(one, "e1", PostingState.BOOKED)
    garden.posting(other, "e1", PostingState.BOOKED)
    garden.posting(one, "e1", PostingState.REVERSED, revision=2, reversal_state="reversed", **ASKED)


@broken("one-entry-a-document", "two entries name one document")
async def _(garden: Garden) -> None:
    owner = garden.company()
    for entry in ("e1", "e2"):
        garden.posting(owner, entry, PostingState.BOOKED, erp_id="77")


@well("one-entry-a-document", "the same id in the books before a move")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.posting(owner, "e1", PostingState.BOOKED, erp_id="77", moved_from="Old ApS")
    garden.posting(owner, "e2", PostingState.BOOKED, erp_id="77")
    garden.posting(owner, "e3", PostingState.BOOKED, erp_id="77", document="bill")


@broken("reversal-settled", "an intent nobody finished")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.posting(owner, "e1", PostingState.BOOKED, reversal_state="intended", **ASKED | {"reversal_at": ago(hours=2)})


@well("reversal-settled", "one of just now, and an old one that somebody works on")
async def _(garden: Garden) -> None:
    owner, worked = garden.company(), garden.company()
    garden.posting(owner, "e1", PostingState.BOOKED, reversal_state="unknown", **ASKED)
    garden.posting(
        worked, "e1", PostingState.BOOKED, reversal_state="intended", **ASKED | {"reversal_at": ago(hours=2)}
    )
    garden.lease(worked)


@broken("reversed-agrees", "a reversal without an end")
async def _(garden: Garden) -> None:
    garden.posting(garden.company(), "e1", PostingState.REVERSED, reversal_state="unknown", **ASKED)


@broken("reversed-agrees", "a counter-entry stands, and the posting counts as booked")
async def _(garden: Garden) -> None:
    garden.posting(garden.company(), "e1", PostingState.BOOKED, reversal_state="reversed", **ASKED)


@well("reversed-agrees", "taken back, of a company that left since, too")
async def _(garden: Garden) -> None:
    garden.posting(garden.company(), "e1", PostingState.REVERSED, reversal_state="reversed", **ASKED)
    gone = garden.company(status=ConnectionStatus.DISCONNECTED)
    garden.posting(gone, "e1", PostingState.REVERSED, reversal_state="reversed", reversal_at=ago(days=9))


@broken("guards-stand", "an index dropped")
async def _(garden: Garden) -> None:
    await garden.sql("drop index uq_postings_one_live")


@broken("guards-stand", "a constraint dropped")
async def _(garden: Garden) -> None:
    await garden.sql("alter table webhook_deliveries drop constraint uq_webhook_deliveries_connection_id_webhook_id")


@broken("guards-stand", "a reference no longer checked")
async def _(garden: Garden) -> None:
    name = next(key.name for key in ExportItem.__table__.foreign_key_constraints if "posting_id" in key.column_keys)
    await garden.sql(f"alter table export_items drop constraint {name}")


@broken("success-has-posting", "reported without a posting")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.item(owner, garden.job(owner), "e1", ItemState.BOOKED, reported_at=ago(hours=1))


@broken("success-has-posting", "reported while the posting is unknown")
async def _(garden: Garden) -> None:
    owner = garden.company()
    posting = garden.posting(owner, "e1", PostingState.UNKNOWN)
    job = garden.job(owner, JobPhase.FETCHED)
    garden.item(owner, job, "e1", ItemState.BOOKED, reported_at=ago(hours=1), posting_id=posting)


@well("success-has-posting", "found deleted at a later export, and nothing to post")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.posting(owner, "e1", PostingState.NOT_BOOKED)
    garden.item(owner, garden.job(owner, claimed_at=ago(hours=9)), "e1", ItemState.BOOKED, reported_at=ago(hours=8))
    later = garden.job(owner)
    garden.item(owner, later, "e1", ItemState.FAILED, reported_at=ago(hours=1))
    garden.item(owner, later, "e2", ItemState.NOTHING_TO_POST, reported_at=ago(hours=1))


@broken("booked-names-document", "booked without an id")
async def _(garden: Garden) -> None:
    owner = garden.company()
    posting = garden.posting(owner, "e1", PostingState.BOOKED, erp_id=None)
    garden.item(owner, garden.job(owner), "e1", ItemState.BOOKED, posting_id=posting)


@broken("booked-names-document", "by hand without a reference")
async def _(garden: Garden) -> None:
    owner = garden.company()
    posting = garden.posting(owner, "e1", PostingState.BOOKED, erp_id=None, by_hand=True, note="ada: found")
    garden.item(owner, garden.job(owner), "e1", ItemState.BOOKED, posting_id=posting)


@well("booked-names-document", "by hand with a reference")
async def _(garden: Garden) -> None:
    owner = garden.company()
    posting = garden.posting(
        owner, "e1", PostingState.BOOKED, erp_id=None, by_hand=True, note="ada: found", erp_number="EXP/7"
    )
    garden.item(owner, garden.job(owner), "e1", ItemState.BOOKED, posting_id=posting)


@broken("intent-settled", "left behind by a dead worker")
async def _(garden: Garden) -> None:
    garden.posting(garden.company(), "e1", PostingState.INTENDED, intended_at=ago(minutes=20))


@well("intent-settled", "a moment old, or under way")
async def _(garden: Garden) -> None:
    garden.posting(garden.company(), "e1", PostingState.INTENDED, intended_at=ago(minutes=5))
    busy = garden.company()
    garden.posting(busy, "e1", PostingState.INTENDED, intended_at=ago(minutes=20))
    garden.lease(busy)


@broken("unknown-told", "the job ended before it was reported")
async def _(garden: Garden) -> None:
    owner = garden.company()
    posting = garden.posting(owner, "e1", PostingState.UNKNOWN)
    garden.item(owner, garden.job(owner), "e1", ItemState.ABANDONED, posting_id=posting)


@broken("unknown-told", "told of an earlier attempt only")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.posting(owner, "e1", PostingState.UNKNOWN, intended_at=ago(hours=1))
    garden.item(
        owner, garden.job(owner), "e1", ItemState.FAILED, reported_at=ago(hours=5), failure_reason="No account."
    )


@well("unknown-told", "failed in Pleo with a reason, or still worked on")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.posting(owner, "e1", PostingState.UNKNOWN)
    garden.item(owner, garden.job(owner), "e1", ItemState.FAILED, reported_at=ago(hours=1), failure_reason="Look.")
    garden.posting(owner, "e2", PostingState.UNKNOWN)
    garden.item(owner, garden.job(owner, JobPhase.FETCHED), "e2", ItemState.UNKNOWN)


# ------------------------------------------------------------------ jobs and webhooks


@broken("one-job-at-a-time", "two under way")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.job(owner, JobPhase.STARTED)
    garden.job(owner, JobPhase.FETCHED)


@well("one-job-at-a-time", "two companies, one claimed, one expired")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.job(owner, JobPhase.STARTED)
    garden.job(garden.company(), JobPhase.STARTED)
    garden.job(owner, JobPhase.CLAIMED)
    gone = garden.company(ConnectionStatus.DISCONNECTED)
    garden.job(gone, JobPhase.STARTED)
    garden.job(gone, JobPhase.FETCHED, last_action_at=ago(hours=2))


@broken("oldest-first", "a younger one started before one we had")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.job(owner, pleo_created_at=ago(hours=9), claimed_at=ago(hours=8), started_at=ago(hours=2))
    garden.job(owner, pleo_created_at=ago(hours=7), claimed_at=ago(hours=6), started_at=ago(hours=5))


@well("oldest-first", "in order, and one that was listed late")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.job(owner, pleo_created_at=ago(hours=9), claimed_at=ago(hours=8), started_at=ago(hours=8))
    garden.job(owner, pleo_created_at=ago(hours=7), claimed_at=ago(hours=6), started_at=ago(hours=6))
    garden.job(owner, pleo_created_at=ago(hours=10), claimed_at=ago(hours=4), started_at=ago(hours=4))


@broken("webhook-settled", "an export job's delivery waits")
async def _(garden: Garden) -> None:
    garden.delivery(garden.company())


@broken("webhook-settled", "a vendor's delivery waits")
async def _(garden: Garden) -> None:
    garden.delivery(garden.company(), event_type="v1.vendor.created", received_at=ago(hours=2))


@well("webhook-settled", "fresh, settled, being worked on, paused, or a vendor's whose turn comes")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.delivery(owner, received_at=ago(minutes=5))
    garden.delivery(owner, status="done")
    garden.delivery(owner, event_type="v1.vendor.created")
    garden.delivery(garden.company(ConnectionStatus.PAUSED))
    busy = garden.company()
    garden.delivery(busy)
    garden.lease(busy)


@broken("job-within-expiry", "no progress reported")
async def _(garden: Garden) -> None:
    garden.job(garden.company(), JobPhase.FETCHED, last_action_at=ago(minutes=50))


@well("job-within-expiry", "progress reported, closed, or of a company that has gone")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.job(owner, JobPhase.FETCHED, last_action_at=ago(minutes=20))
    garden.job(owner, last_action_at=ago(hours=5))
    garden.job(garden.company(ConnectionStatus.DISCONNECTED), JobPhase.FETCHED, last_action_at=ago(hours=5))


@broken("active-has-credential", "no refresh token")
async def _(garden: Garden) -> None:
    garden.company(refresh_token_sealed=None)


@broken("active-has-credential", "no API key")
async def _(garden: Garden) -> None:
    garden.company(auth_method="api_key")


@well("active-has-credential", "an API key, and companies that are not active")
async def _(garden: Garden) -> None:
    garden.company(
        auth_method="api_key",
        api_key_sealed=SEALED,
        refresh_token_sealed=None,
        access_token_sealed=None,
        expires_at=None,
    )
    garden.company(ConnectionStatus.RECONNECT_NEEDED)


@broken("credential-fresh", "expired long ago")
async def _(garden: Garden) -> None:
    garden.company(expires_at=ago(hours=2))


@broken("credential-fresh", "not renewed for five weeks")
async def _(garden: Garden) -> None:
    garden.company(ConnectionStatus.PAUSED, refreshed_at=ago(days=35), expires_at=ago(days=35))


@broken("credential-fresh", "the right to renew is held for ever")
async def _(garden: Garden) -> None:
    garden.company(refresh_holder="x", refresh_until=utcnow() + dt.timedelta(hours=1))


@well("credential-fresh", "due, and a quiet company's within its time")
async def _(garden: Garden) -> None:
    garden.company(expires_at=ago(minutes=3))
    garden.company(ConnectionStatus.PAUSED, refreshed_at=ago(days=20), expires_at=ago(days=20))
    garden.company(ConnectionStatus.DISCONNECTED)


@broken("ended-holds-no-secret", "tokens of a company that has gone")
async def _(garden: Garden) -> None:
    garden.company(ConnectionStatus.DISCONNECTED, refresh_token_sealed=SEALED)


@broken("ended-holds-no-secret", "access to the ERP of a company that has gone")
async def _(garden: Garden) -> None:
    garden.binding(garden.company(ConnectionStatus.DISCONNECTED))


@well("ended-holds-no-secret", "wiped, and an ERP kept for connecting again")
async def _(garden: Garden) -> None:
    garden.binding(garden.company(ConnectionStatus.DISCONNECTED), settings_sealed=None)
    garden.binding(garden.company(ConnectionStatus.RECONNECT_NEEDED))


@broken("rows-of-one-company", "an item with another company's posting")
async def _(garden: Garden) -> None:
    one, other = garden.company(), garden.company()
    posting = garden.posting(other, "e1", PostingState.BOOKED)
    garden.item(one, garden.job(one), "e1", ItemState.BOOKED, posting_id=posting)


@broken("rows-of-one-company", "an event of another company's job")
async def _(garden: Garden) -> None:
    garden.event(garden.company(), garden.job(garden.company()))


@broken("rows-of-one-company", "a posting of another entry")
async def _(garden: Garden) -> None:
    owner = garden.company()
    posting = garden.posting(owner, "e2", PostingState.BOOKED)
    garden.item(owner, garden.job(owner), "e1", ItemState.BOOKED, posting_id=posting)


@broken("rows-of-one-company", "a delivery of another company was worked")
async def _(garden: Garden) -> None:
    garden.delivery(garden.company(), status="done", company_id=str(uuid.uuid4()))


@well("rows-of-one-company", "a delivery of another company was dropped")
async def _(garden: Garden) -> None:
    garden.delivery(garden.company(), status="dropped", company_id=str(uuid.uuid4()))


@broken("secrets-sealed", "a token in clear")
async def _(garden: Garden) -> None:
    garden.company(refresh_token_sealed=b"pleo-refresh-token-0123456789-0123456789")


@broken("secrets-sealed", "too short to be sealed")
async def _(garden: Garden) -> None:
    garden.binding(garden.company(), settings_sealed=b"\x01abc")


@broken("no-secret-in-clear", "a bearer token in a timeline")
async def _(garden: Garden) -> None:
    garden.audit(garden.company(), said="Authorization: Bearer " + "aB3" * 12)


@broken("no-secret-in-clear", "a password in a reason")
async def _(garden: Garden) -> None:
    garden.company(status_reason="cannot reach https://erp:hush-hush@erp.example/books")


@broken("no-secret-in-clear", "an API key among the settings shown")
async def _(garden: Garden) -> None:
    garden.binding(garden.company(), settings_shown={"api_key": "0123456789abcdef"})


@well("no-secret-in-clear", "what is shown of them, and words")
async def _(garden: Garden) -> None:
    owner = garden.company(status_reason="The bearer of this key may not post; see https://erp.example/#books.")
    garden.binding(owner, settings_shown={"api_key": "***", "base_url": "https://erp.example:8000/x"})
    garden.audit(owner, reason="password expired", mail="ada@example.com")


@broken("no-blind-archiving", "on an empty list")
async def _(garden: Garden) -> None:
    garden.run(garden.company(), status="failed", failure="erp_empty", archived=1)


@broken("no-blind-archiving", "everything, and nobody allowed it")
async def _(garden: Garden) -> None:
    garden.run(garden.company(), archived=11)


@well("no-blind-archiving", "allowed, few, or beside what stays")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.run(owner, archived=11, archive_allowed=11)
    garden.run(owner, archived=3)
    garden.run(owner, archived=11, unchanged=100)
    garden.run(owner, status="failed", failure="erp_empty")


@broken("sync-comes-to-rest", "five runs with the same writes")
async def _(garden: Garden) -> None:
    owner = garden.company()
    for hours in range(1, 6):
        garden.run(owner, updated=3, started_at=ago(hours=hours))


@well("sync-comes-to-rest", "at rest once, or with news each time")
async def _(garden: Garden) -> None:
    one, other = garden.company(), garden.company()
    for hours in range(1, 6):
        garden.run(one, updated=0 if hours == 3 else 3, started_at=ago(hours=hours))
        garden.run(other, updated=hours, started_at=ago(hours=hours))


# ------------------------------------------------------------------ vouchers


@broken("numbers-follow", "a number is missing")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=3)
    garden.voucher(owner, book, 1, "e1")
    garden.voucher(owner, book, 3, "e3")


@broken("numbers-follow", "the last one is missing, and may be given again")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=1)
    garden.voucher(owner, book, 1, "e1")
    garden.voucher(owner, book, 2, "e2")


@broken("numbers-follow", "nobody counts them")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.voucher(owner, garden.book(owner), 1, "e1")


@broken("vouchers-and-postings", "booked, and no voucher")
async def _(garden: Garden) -> None:
    owner = garden.company()
    garden.book(owner)
    garden.posting(owner, "e1", PostingState.BOOKED, erp_kind="files")


@broken("vouchers-and-postings", "a voucher of which the ledger knows nothing")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=1)
    garden.voucher(owner, book, 1, "e1", posting=False)


@broken("vouchers-and-postings", "taken back in the book, and booked in the ledger")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=2)
    taken = garden.voucher(owner, book, 1, "e1")
    await garden.planted()
    garden.voucher(owner, book, 2, "e1", reverses=taken)


@broken("files-add-up", "a voucher more than it was closed with")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=2)
    file = garden.file(owner, book, vouchers=1, debit=250)
    await garden.planted()
    for number in (1, 2):
        garden.voucher(owner, book, number, f"e{number}", file_id=file)


@broken("files-add-up", "another sum")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=1)
    file = garden.file(owner, book, vouchers=1, debit=124)
    await garden.planted()
    garden.voucher(owner, book, 1, "e1", file_id=file)


@broken("vouchers-leave", "two days in no file")
async def _(garden: Garden) -> None:
    owner = garden.company()
    book = garden.book(owner)
    garden.counter(owner, book, last=2)
    garden.voucher(owner, book, 1, "e1", recorded_at=ago(days=2))
    garden.voucher(owner, book, 2, "e2", recorded_at=ago(days=2))


@well("vouchers-leave", "of today, in a file, being booked, taken back, or of a company that left")
async def _(garden: Garden) -> None:
    owner, gone = garden.company(), garden.company(ConnectionStatus.DISCONNECTED)
    for one in (owner, gone):
        book = garden.book(one)
        garden.counter(one, book, last=4)
        file = garden.file(one, book, vouchers=2, debit=250)
        await garden.planted()
        garden.voucher(one, book, 1, "e1", file_id=file, recorded_at=ago(days=9))
        taken = garden.voucher(one, book, 2, "e2", file_id=file, recorded_at=ago(days=9), posting=False)
        await garden.planted()
        garden.voucher(one, book, 3, "e2", reverses=taken, recorded_at=ago(hours=1))
        garden.voucher(one, book, 4, "e4", posting=False, recorded_at=ago(days=2) if one == gone else ago(minutes=1))
        garden.posting(one, "e2", PostingState.REVERSED, erp_kind="files", reversal_state="reversed", **ASKED)
        garden.posting(one, "e4", PostingState.UNKNOWN, erp_kind="files", intended_at=ago(minutes=1))
        garden.posting(one, "e5", PostingState.BOOKED, erp_kind="double")
        garden.posting(one, "e6", PostingState.BOOKED, erp_kind="files", by_hand=True, erp_number="7", note="me")

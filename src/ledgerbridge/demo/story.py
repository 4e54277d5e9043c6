"""The story in chapters: connect, first syncs, a vendor made in Pleo, an export of every kind, bills of that vendor."""

from __future__ import annotations

import time
from typing import Any

from ledgerbridge.demo.bookkeeper import Bookkeeper, Export
from ledgerbridge.demo.calls import Calls, StoryError
from ledgerbridge.demo.customer import Customer
from ledgerbridge.demo.employee import NEW_VENDOR, Arrived, make_vendor
from ledgerbridge.demo.erps.base import DemoErp
from ledgerbridge.demo.erps.tryton import TrytonBooks
from ledgerbridge.demo.show import Show
from ledgerbridge.demo.stage import Stage
from tryton_sandbox import TrytonServer, bills, count_documents, parties

USUAL_CALLS_A_MINUTE = 500
"""Of the service to Pleo; here it may make more, for the sandbox has no limit."""


def tell(up: Stage, show: Show) -> dict[str, Any]:
    """Play all chapters; the result of the export of every kind, for machines. Raises `StoryError`."""
    with Calls(up) as calls:
        customer = Customer(up, calls)
        bookkeeper = Bookkeeper(calls, customer.company["id"])
        _connect(customer, up.erp, show)
        bookkeeper.prepare(customer.expense_codes())
        vendor = _vendor(calls, customer, up.erp.server, show) if isinstance(up.erp, TrytonBooks) else None
        result = _export(calls, bookkeeper, up.erp, show)
        if vendor is not None and isinstance(up.erp, TrytonBooks):
            _bills(bookkeeper, vendor, up.erp.server, show)
        return result


def _connect(customer: Customer, system: DemoErp, show: Show) -> None:
    show.step(f"{customer.company['name']} presses Connect in Pleo and authorises over OAuth")
    connection_id = customer.connect()
    show.step(f"Binding {system.name}, configuring the bookkeeping")
    erp = customer.set_up(connection_id)
    show.say(f"Books are kept in {erp['name']}, registration number {erp['registration_number']}")
    vendors = ", tags and vendors" if system.vendors else " and tags"
    show.step(f"Going live: tax codes, accounts{vendors} go to Pleo first")
    with show.bar("First syncs") as update:
        customer.go_live(connection_id, update)
    synced = customer.first_syncs(connection_id)
    show.first_syncs(synced, system.name)
    calls = sum(one.calls for one in synced)
    seconds = calls / USUAL_CALLS_A_MINUTE * 60
    show.say(f"{calls} calls to Pleo; at the usual {USUAL_CALLS_A_MINUTE} a minute they take {seconds:.0f} s")


def _vendor(calls: Calls, customer: Customer, tryton: TrytonServer, show: Show) -> Arrived:
    show.step(f"An employee makes a vendor in Pleo: {NEW_VENDOR['name']}")
    arrived = make_vendor(calls, customer.company["id"], tryton)
    show.say(f"Pleo sent {arrived.delivered}")
    show.vendor(arrived)
    show.say(f"Active in Pleo under Tryton's number {arrived.seconds:.1f} s later")
    return arrived


def _export(calls: Calls, bookkeeper: Bookkeeper, erp: DemoErp, show: Show) -> dict[str, Any]:
    show.step("The bookkeeper presses Export; Pleo sends the webhook")
    began = time.monotonic()
    export = bookkeeper.press_export(erp.takes)
    with show.bar("Booking") as update:
        job = bookkeeper.wait(export, update)
    seconds = time.monotonic() - began
    show.items(job)
    show.entries(erp.entries(calls), erp.name)
    posted, failed = _outcome(job, export)
    result = {
        "job_status": job["status"],
        "items": len(job["items"]),
        "posted": posted,
        "failed": failed,
        "erp": erp.kind,
        "erp_entries": erp.count(calls),
        "pleo_calls": bookkeeper.pleo_calls(),
        "seconds": round(seconds, 1),
    }
    _agree(posted, result["erp_entries"], erp.name)
    show.say(f"{posted} posted, {failed} deliberately bad, {result['pleo_calls']} calls to Pleo, {seconds:.1f} s")
    return result


def _bills(bookkeeper: Bookkeeper, vendor: Arrived, tryton: TrytonServer, show: Show) -> None:
    show.step(f"Another export: bills and payments of {vendor.in_pleo['name']}")
    before = count_documents(tryton)
    export = bookkeeper.press_export_of(vendor.id)
    with show.bar("Booking") as update:
        job = bookkeeper.wait(export, update)
    show.items(job)
    posted, failed = _outcome(job, export)
    made = bills(tryton)
    names = {one["code"]: one["name"] for one in parties(tryton)}
    show.bills(made, names.__getitem__)
    _agree(posted, count_documents(tryton) - before, "Tryton")
    paid = sum(not bill["open"] for bill in made)
    show.say(f"{posted} posted, {failed} deliberately bad; {paid} of {len(made)} bills are matched with their payment")


def _outcome(job: dict[str, Any], export: Export) -> tuple[int, int]:
    """How many items were posted and how many failed. Raises `StoryError` when others failed than should."""
    failed = sum(item["status"] != "successful" for item in job["items"])
    if failed != export.bad_seeds:
        raise StoryError(f"{failed} items failed, but {export.bad_seeds} are deliberately bad.")
    return len(job["items"]) - failed, failed


def _agree(posted: int, held: int, where: str) -> None:
    if posted != held:
        raise StoryError(f"{posted} items were posted, but {where} holds {held} entries.")

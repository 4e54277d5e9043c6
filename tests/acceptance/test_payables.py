"""Bills and payments over the whole road: chosen in Pleo, exported in jobs of their own, reconciled in Tryton."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.acceptance.conftest import MakeSite
from tests.acceptance.test_vendors import drafted, in_pleo, in_tryton
from tests.support.commands import until
from tests.support.site import Site
from tryton_sandbox import bills, count_documents, parties, reconciliations

Json = dict[str, Any]


def export(site: Site, *items: Json) -> list[Json]:
    """Press Export for these items alone, wait for the end; the items as the bookkeeper sees them."""
    body = {"company_id": DEMO_COMPANY_ID, "items": list(items), "vendor_based": True}
    job = site.closed(site.pleo.control("POST", "/exports", body)["id"])
    return list(job["items"])


def numbers(items: list[Json]) -> list[str]:
    assert [item["failureReason"] for item in items if item["status"] != "successful"] == []
    return [item["externalId"] for item in items]


class Books:
    """What a test says about the company's books, in their codes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.facts = site.tryton.facts["companies"]["DK"]
        self.expense, self.other = self.facts["expenses"][:2]
        self.vendors = site.tryton.facts["vendors"]

    def vendor(self, code: str) -> str:
        """Pleo's id of a vendor of the ERP, there since the first sync."""
        known = self._site.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")["vendors"]
        (found,) = [one["id"] for one in known if one["code"] == code]
        return str(found)

    def line(self, net: int, account: str | None = None, vat: int = 0) -> Json:
        tags = {code: sorted(each["values"])[0] for code, each in self.facts["dimensions"].items()}
        taxed = {"tax": {"type": "exclusive", "amount": vat, "code": "I25"}} if vat else {}
        return {"net": net, "account": account or self.expense, "tags": tags, **taxed}

    def about(self, number: str) -> Json:
        return {"number": number, "date": dt.datetime.now(dt.UTC).date().replace(day=1).isoformat()}

    def invoice(self, number: str, vendor_id: str, *lines: Json) -> Json:
        return {"type": "invoice", "vendor_id": vendor_id, "invoice": self.about(number), "lines": list(lines)}

    def payment(self, number: str, vendor_id: str, amount: int, sub_type: str = "invoice_payment_sent") -> Json:
        told = {"type": "invoice_payment", "sub_type": sub_type, "vendor_id": vendor_id, "invoice": self.about(number)}
        return {**told, "lines": [self.line(amount, self.facts["accounts"]["payable_without_party"])]}

    def bill(self, number: str) -> Json:
        (found,) = [one for one in bills(self._site.tryton) if one["number"] == number]
        return found

    def matched(self, bill: Json) -> list[Decimal]:
        """What the payable line of a bill is reconciled with, credit and debit side, from small to large."""
        return [
            line["debit"] - line["credit"]
            for one in reconciliations(self._site.tryton)
            if any(line["move"] == bill["move"] for line in one["lines"])
            for line in sorted(one["lines"], key=lambda each: each["debit"] - each["credit"])
        ]


@pytest.mark.long  # the bills in Tryton: tests/integration/erp; the same jobs on the double: exports/test_settling.py
@pytest.mark.rule(
    "EXP-AP-01", "EXP-AP-02", "EXP-AP-04", "EXP-AP-05", "EXP-AP-06", "EXP-AP-08", "EXP-AP-10", "EXP-VENDOR-07",
    "EXP-TAX-08", "EXP-SPLIT-01", "VEN-109", "VEN-112",
)  # fmt: skip
def test_bills_of_a_job_are_paid_by_the_payments_of_another_and_reconciled_in_tryton(make_site: MakeSite) -> None:
    with make_site() as site:
        site.serve()
        site.live()
        books = Books(site)
        vendor, own = books.vendor(books.vendors["plain_code"]), books.vendor(books.vendors["own_payable_code"])
        person = {"name": "Ida Ek", "code": books.vendors["employees"][0]}
        nobody = {"id": "b7a8", "name": "Nobody & Sons", "code": "N-404", "defaultCurrency": "DKK"}

        # A split with VAT a cent off what 25 % would be; what employees laid out; one vendor the ERP does not know.
        lines = [books.line(60_000, vat=15_001), books.line(20_000, books.other, vat=5_000)]
        *good, bad = export(
            site,
            books.invoice("INV-1", vendor, *lines),
            books.invoice("INV-2", own, books.line(30_000)),
            {"type": "card_purchase", "vendor_id": vendor, "lines": [books.line(8_000, vat=2_000)]},
            {"type": "refund", "vendor_id": vendor, "lines": [books.line(4_000, vat=1_000)]},
            {"type": "out_of_pocket", "user": person, "lines": [books.line(12_345)], "reconciliation_id": "taxi"},
            {"type": "mileage", "user": person, "lines": [books.line(7_000)], "reconciliation_id": "ride"},
            {"type": "card_purchase", "vendor": nobody, "lines": [books.line(100)]},
        )

        assert (bad["status"], bad["failureReasonType"]) == ("failed", "vendor_unknown")
        assert "Nobody & Sons (number N-404)" in bad["failureReason"]
        split, second, bought, refunded, taxi, ride = [books.bill(number) for number in numbers(good)]
        assert (split["untaxed"], split["tax"], split["total"]) == (Decimal(800), Decimal("200.01"), Decimal("1000.01"))
        assert {line["account"] for line in split["lines"]} == {books.expense, books.other}
        assert split["reference"] == "INV-1"
        assert (split["state"], split["open"]) == ("posted", Decimal("1000.01"))
        assert split["account"] != second["account"] == books.facts["accounts"]["payable_of_some_vendors"]
        assert (bought["state"], bought["open"]) == ("paid", 0), "its payment came with it"
        assert (refunded["state"], refunded["total"]) == ("paid", Decimal(-50)), "a credit note"
        assert {one["party"] for one in (taxi, ride)} == {person["code"]}

        # Their payments come later.
        paying = {"type": "direct_reimbursement", "sub_type": "reimbursement_to_employee", "user": person}
        pocket = books.line(19_345, books.facts["accounts"]["out_of_pocket"])
        numbers(
            export(
                site,
                books.payment("INV-1", vendor, 100_001),
                books.payment("INV-2", own, 30_000),
                {**paying, "lines": [pocket], "reconciled": ["taxi", "ride"]},
            )
        )

        for before in (split, second, taxi, ride):
            after = books.bill(before["number"])
            assert (after["state"], after["open"]) == ("paid", 0)
        assert books.matched(split) == [Decimal("-1000.01"), Decimal("1000.01")]
        assert books.matched(taxi) == books.matched(ride) == [Decimal("-123.45"), Decimal(-70), Decimal("193.45")]

        # A payment comes back: the bill is owed again, until it is paid a second time.
        numbers(export(site, books.payment("INV-2", own, 30_000, "invoice_payment_returned")))
        assert books.bill(second["number"])["state"] == "posted"
        assert books.bill(second["number"])["open"] == Decimal(300)
        numbers(export(site, books.payment("INV-2", own, 30_000)))
        assert books.bill(second["number"])["state"] == "paid"

        assert len(bills(site.tryton)) == 6
        assert set(site.entries().values()) == {1}, "the payments, two of which came with their bill"
        assert count_documents(site.tryton) == 6 + 5
        _shown(site, split, good[0])


def _shown(site: Site, bill: Json, item: Json) -> None:
    """The administrator finds the bill, and that matching was done."""
    jobs = site.ask("GET", "/export-jobs?limit=10")["data"]
    steps = [step for job in jobs for step in site.ask("GET", f"/export-jobs/{job['id']}")["timeline"]]
    assert sorted(step["detail"]["groups"] for step in steps if step["name"] == "settled") == [1, 1, 3]
    rows = site.ask("GET", f"/export-jobs/{jobs[-1]['id']}/items")["data"]
    (row,) = [one for one in rows if one["accounting_entry_id"] == item["accountingEntryId"]]
    assert (row["posting"]["document"], row["posting"]["erp_number"]) == ("bill", bill["number"])
    assert row["erp_url"].endswith(f"/model/account.invoice/{bill['id']}")
    (connection,) = site.ask("GET", "/connections")["data"]
    assert connection["open_claims"] == 0


@pytest.mark.long
@pytest.mark.rule("VEN-110", "VEN-127")
def test_a_vendor_whose_event_was_lost_is_in_tryton_before_its_bill_is_booked(make_site: MakeSite) -> None:
    with make_site() as site:
        site.serve()
        site.live()
        books = Books(site)
        site.pleo.fault("lose_webhook", event_type="v1.vendor.created", times=None)
        vendor = drafted(site, "Brand New ApS")
        assert in_tryton(site, vendor) == []

        (number,) = numbers(export(site, books.invoice("NEW-1", vendor, books.line(5_000))))

        (party,) = in_tryton(site, vendor)
        codes = {one["code"]: one["id"] for one in parties(site.tryton)}
        assert codes[books.bill(number)["party"]] == party
        until("the vendor active in Pleo", lambda: in_pleo(site, vendor)["state"] == "ACTIVE", 60)

"""Seeds for accounts payable, a set of their own: each wants one of the company's vendors and a vendor-based job.

Seeds of one batch belong together: the payments settle the invoice, the reimbursement the employee's expenses.
"""

from __future__ import annotations

from dataclasses import replace

from pleo_sandbox.core.words import lasting_id, new_id
from pleo_sandbox.seeds.build import Draft, Frame, Line, Tax, invoice_block, item
from pleo_sandbox.seeds.catalogue import PAYABLES, seed
from pleo_sandbox.seeds.receipts import jpeg, pdf

METHOD = "accounts_payable"


@seed(PAYABLES, "Card purchase from a known supplier: bill and payment in one")
def payable_card_purchase(frame: Frame) -> Draft:
    line = Line(100_000, "software", Tax("inclusive", 20_000))
    return _of_vendor(item(frame, "card_purchase", [line], method=METHOD, files=(pdf("Licence", "1,000.00"),)))


@seed(PAYABLES, "Card purchase of two kinds on one bill")
def payable_card_purchase_split(frame: Frame) -> Draft:
    lines = [Line(60_000, "office", Tax("exclusive", 15_000)), Line(25_000, "equipment")]
    return _of_vendor(item(frame, "card_purchase", lines, method=METHOD))


@seed(PAYABLES, "Invoice paid by card, both in one item")
def payable_card_invoice(frame: Frame) -> Draft:
    block = invoice_block(frame, _number(frame, "C"))
    line = Line(40_000, "office", Tax("exclusive", 10_000))
    return _of_vendor(item(frame, "card_invoice", [line], method=METHOD, invoice=block))


@seed(PAYABLES, "Supplier invoice, the liability")
def payable_invoice(frame: Frame) -> Draft:
    block = invoice_block(frame, _number(frame, "I"))
    line = Line(400_000, "rent", Tax("exclusive", 100_000))
    files = (pdf("Invoice", block["invoiceNumber"], "5,000.00"),)
    return _of_vendor(item(frame, "invoice", [line], method=METHOD, invoice=block, files=files))


@seed(PAYABLES, "Payment of that invoice")
def payable_invoice_payment(frame: Frame) -> Draft:
    return _payment(frame, "I", "invoice_payment_sent")


@seed(PAYABLES, "Payment of an invoice that was never exported")
def payable_invoice_payment_alone(frame: Frame) -> Draft:
    return _payment(frame, "X", "invoice_payment_sent")


@seed(PAYABLES, "A payment that came back")
def payable_invoice_payment_returned(frame: Frame) -> Draft:
    return _payment(frame, "X", "invoice_payment_returned")


@seed(PAYABLES, "Money back from a supplier: a credit note")
def payable_refund(frame: Frame) -> Draft:
    line = Line(50_000, "equipment", Tax("inclusive", 10_000))
    return _of_vendor(item(frame, "refund", [line], method=METHOD, note="Returned headset"))


@seed(PAYABLES, "Money back after a card dispute: a credit note")
def payable_chargeback(frame: Frame) -> Draft:
    return _of_vendor(item(frame, "chargeback", [Line(24_900, "office")], method=METHOD, note="Dispute won"))


@seed(PAYABLES, "Pleo's own charge, with a vendor")
def payable_fee(frame: Frame) -> Draft:
    return _of_vendor(item(frame, "fee", [Line(19_900, "fees")], method=METHOD, person=None))


@seed(PAYABLES, "Card purchase with a vendor that is booked as a journal entry all the same")
def payable_vendor_on_journal(frame: Frame) -> Draft:
    return _of_vendor(item(frame, "card_purchase", [Line(12_000, "office")], method="journal"))


@seed(PAYABLES, "Employee's own money: the employee is the vendor")
def payable_out_of_pocket(frame: Frame) -> Draft:
    line = Line(18_750, "travel")
    return item(
        frame,
        "out_of_pocket",
        [line],
        method=METHOD,
        note="Taxi to customer",
        files=(jpeg("taxi"),),
        reconciliation_id=_spent(frame, "out_of_pocket"),
    )


@seed(PAYABLES, "Own car: the employee is the vendor")
def payable_mileage(frame: Frame) -> Draft:
    line = Line(37_900, "mileage")
    own = _spent(frame, "mileage")
    return item(frame, "mileage", [line], method=METHOD, supplier=None, reconciliation_id=own)


@seed(PAYABLES, "Both paid back from the wallet")
def payable_direct_reimbursement(frame: Frame) -> Draft:
    line = Line(56_650, "out_of_pocket", tags=())
    settled: list[str | None] = [_spent(frame, "out_of_pocket"), _spent(frame, "mileage")]
    kind, sub_type = "direct_reimbursement", "reimbursement_to_employee"
    return item(frame, kind, [line], sub_type=sub_type, method=METHOD, supplier=None, reconciled=settled)


@seed(PAYABLES, "The chosen vendor is not in the ERP", "vendor_unknown")
def bad_payable_unknown_vendor(frame: Frame) -> Draft:
    draft = item(frame, "card_purchase", [Line(10_000, "office")], method=METHOD, note="Must not be booked")
    gone = {"id": new_id(), "name": "Gone & Forgotten ApS", "defaultCurrency": frame.currency}
    return draft.changed(vendor={**gone, "code": "GONE99", "externalId": "gone-99", "country": "DK"})


@seed(PAYABLES, "An invoice of a vendor that is not in the ERP", "vendor_unknown")
def bad_payable_unknown_invoice(frame: Frame) -> Draft:
    gone = bad_payable_unknown_vendor(frame).payload["vendor"]
    block = invoice_block(frame, _number(frame, "G"))
    return item(frame, "invoice", [Line(10_000, "rent")], method=METHOD, invoice=block).changed(vendor=gone)


@seed(PAYABLES, "Accounts payable without a vendor", "vendor_unknown")
def bad_payable_no_vendor(frame: Frame) -> Draft:
    return item(frame, "card_purchase", [Line(10_000, "office")], method=METHOD, note="Must not be booked")


def _payment(frame: Frame, invoice: str, sub_type: str) -> Draft:
    block = invoice_block(frame, _number(frame, invoice))
    line = Line(500_000, "payable", tags=())
    return _of_vendor(item(frame, "invoice_payment", [line], sub_type=sub_type, method=METHOD, invoice=block))


def _of_vendor(draft: Draft) -> Draft:
    return replace(draft, wants_vendor=True)


def _number(frame: Frame, letter: str) -> str:
    return f"{letter}-{lasting_id(frame.batch, letter)[:8]}"


def _spent(frame: Frame, what: str) -> str:
    return lasting_id(frame.batch, "spent", what)

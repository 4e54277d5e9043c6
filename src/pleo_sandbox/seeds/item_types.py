"""One good seed for every published item type, and for every sub type on the type it is expected on."""

from __future__ import annotations

from pleo_sandbox.core.words import new_id
from pleo_sandbox.seeds.build import Draft, Frame, Line, Tax, invoice_block, item
from pleo_sandbox.seeds.catalogue import seed
from pleo_sandbox.seeds.receipts import jpeg, pdf


@seed("type", "Card purchase with receipt, tax inclusive")
def card_purchase(frame: Frame) -> Draft:
    line = Line(125_000, "software", Tax("inclusive", 25_000, accounts=True))
    receipt = pdf("Nordic Supplies A/S", "Annual licence", f"Total {frame.currency} 1,250.00")
    return item(frame, "card_purchase", [line], note="Annual licence", files=(receipt,))


@seed("type", "Invoice paid by card, both in one item")
def card_invoice(frame: Frame) -> Draft:
    line = Line(80_000, "office", Tax("exclusive", 20_000))
    invoice = invoice_block(frame, "INV-2041")
    return item(frame, "card_invoice", [line], invoice=invoice, files=(pdf("Invoice INV-2041", "1,000.00"),))


@seed("type", "Employee's own money, to be paid back")
def out_of_pocket(frame: Frame) -> Draft:
    line = Line(18_750, "travel", None)
    return item(frame, "out_of_pocket", [line], supplier="Dantaxi", note="Taxi to customer", files=(jpeg("taxi"),))


@seed("type", "Own car")
def mileage(frame: Frame) -> Draft:
    return item(frame, "mileage", [Line(37_900, "mileage")], supplier=None, person=1, note="100 km Copenhagen-Odense")


@seed("type", "Daily travel allowance")
def per_diem(frame: Frame) -> Draft:
    return item(frame, "per_diem", [Line(57_400, "per_diem")], supplier=None, person=1, note="Two days in Aarhus")


@seed("type", "Paid back with the salary, outside Pleo")
def external_reimbursement(frame: Frame) -> Draft:
    return _reimbursement(frame, "external_reimbursement", "reimbursement_to_employee", 18_750)


@seed("type", "Paid back from the wallet")
def direct_reimbursement(frame: Frame) -> Draft:
    return _reimbursement(frame, "direct_reimbursement", "reimbursement_to_employee", 37_900)


@seed("type", "Supplier invoice, the liability")
def invoice(frame: Frame) -> Draft:
    line = Line(400_000, "rent", Tax("exclusive", 100_000, accounts=True))
    block = invoice_block(frame, "2026-118")
    return item(frame, "invoice", [line], supplier="Ejendomme ApS", invoice=block, files=(pdf("Rent", "5,000.00"),))


@seed("type", "Payment of a supplier invoice from the wallet")
def invoice_payment(frame: Frame) -> Draft:
    return _invoice_payment(frame, "invoice_payment_sent")


@seed("type", "Money back after a card dispute")
def chargeback(frame: Frame) -> Draft:
    return item(frame, "chargeback", [Line(24_900, "office")], supplier="Unknown Web Shop", note="Dispute won")


@seed("type", "Money back from a supplier, tax inclusive")
def refund(frame: Frame) -> Draft:
    return item(frame, "refund", [Line(62_500, "equipment", Tax("inclusive", 12_500))], note="Returned headset")


@seed("type", "Reward from Pleo")
def cashback(frame: Frame) -> Draft:
    return item(frame, "cashback", [Line(4_512, "cashback")], supplier="Pleo Technologies A/S")


@seed("type", "Cash from a machine")
def atm_withdrawal(frame: Frame) -> Draft:
    return item(frame, "atm_withdrawal", [Line(50_000, "out_of_pocket", tags=())], supplier="Nordea ATM", person=1)


@seed("type", "Company bank to wallet")
def wallet_topup(frame: Frame) -> Draft:
    return _wallet_move(frame, "wallet_topup", 1_000_000)


@seed("type", "Wallet to company bank")
def wallet_unload(frame: Frame) -> Draft:
    return _wallet_move(frame, "wallet_unload", 250_000)


@seed("type", "Private use of the card")
def personal_spend(frame: Frame) -> Draft:
    return item(frame, "personal_spend", [Line(9_900, "out_of_pocket", tags=())], supplier="Netflix", note="By mistake")


@seed("type", "Pleo's own charge")
def fee(frame: Frame) -> Draft:
    return item(frame, "fee", [Line(19_900, "fees")], supplier="Pleo Technologies A/S", person=None)


@seed("sub_type", "A paid-back amount that bounced into the wallet")
def direct_reimbursement_bounced(frame: Frame) -> Draft:
    return _reimbursement(frame, "direct_reimbursement", "reimbursement_to_employee_refund", 37_900)


@seed("sub_type", "The employee settled a debt outside Pleo")
def external_reimbursement_to_company(frame: Frame) -> Draft:
    return _reimbursement(frame, "external_reimbursement", "reimbursement_to_company", 9_900)


@seed("sub_type", "A supplier payment that came back")
def invoice_payment_returned(frame: Frame) -> Draft:
    return _invoice_payment(frame, "invoice_payment_returned")


@seed("sub_type", "Interest on an overdraft")
def fee_interest(frame: Frame) -> Draft:
    line = Line(1_275, "interest")
    return item(frame, "fee", [line], sub_type="interest", supplier="Pleo Technologies A/S", person=None)


def _reimbursement(frame: Frame, kind: str, sub_type: str, amount: int) -> Draft:
    settled: list[str | None] = [new_id(), new_id()]
    line = Line(amount, "out_of_pocket", tags=())
    return item(frame, kind, [line], sub_type=sub_type, supplier=None, person=1, reconciled=settled)


def _invoice_payment(frame: Frame, sub_type: str) -> Draft:
    line = Line(500_000, "payable", tags=())
    block = invoice_block(frame, "2026-118")
    return item(frame, "invoice_payment", [line], sub_type=sub_type, supplier="Ejendomme ApS", invoice=block)


def _wallet_move(frame: Frame, kind: str, amount: int) -> Draft:
    line = Line(amount, "contra", tags=())
    return item(frame, kind, [line], supplier=None, person=None, method="none", days_ago=4)

"""Seeds that must not be booked, each with the ``failureReasonType`` a bookkeeper should see for it."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

from pleo_sandbox.seeds.build import Draft, Frame, Line, Tax, item, moment
from pleo_sandbox.seeds.catalogue import seed

NO_CATEGORY_ID = "00000000-0000-0000-0000-000000000000"


def _purchase(frame: Frame, *lines: Line) -> Draft:
    return item(frame, "card_purchase", lines or [Line(10_000, tax=Tax("inclusive", 2_000))], note="Must not be booked")


def _with_line(draft: Draft, members: dict[str, Any], position: int = 0) -> Draft:
    lines = copy.deepcopy(draft.payload["accountingEntryLines"])
    lines[position].update(members)
    return draft.changed(accountingEntryLines=lines)


def _with_code(draft: Draft, member: str, code: str) -> Draft:
    block = draft.payload["accountingEntryLines"][0][member]
    return _with_line(draft, {member: {**block, "code": code}})


@seed("bad", "No category was chosen", "missing_configuration")
def bad_no_account(frame: Frame) -> Draft:
    return _with_line(_purchase(frame), {"account": None})


@seed("bad", "No category was chosen, said with the all-zero id", "missing_configuration")
def bad_zero_account(frame: Frame) -> Draft:
    account = {"id": NO_CATEGORY_ID, "name": "No category", "code": None, "identifier": None}
    return _with_line(_purchase(frame), {"account": account})


@seed("bad", "One of two lines has no category", "missing_configuration")
def bad_split_account(frame: Frame) -> Draft:
    return _with_line(_purchase(frame, Line(6_000), Line(4_000)), {"account": None}, position=1)


@seed("bad", "The account is not in the chart", "account_unknown")
def bad_unknown_account(frame: Frame) -> Draft:
    return _with_code(_purchase(frame), "account", "9.9.99")


@seed("bad", "The tax code does not exist", "tax_code_unknown")
def bad_unknown_tax_code(frame: Frame) -> Draft:
    return _with_code(_purchase(frame), "tax", "ZZ99")


@seed("bad", "The tag does not exist in its dimension", "tag_unknown")
def bad_unknown_tag(frame: Frame) -> Draft:
    draft = _purchase(frame)
    tags = copy.deepcopy(draft.payload["accountingEntryLines"][0]["tags"])
    tags[0]["code"] = "GONE99"
    return _with_line(draft, {"tags": tags})


@seed("bad", "A cost centre but no project, where the ERP wants both of an expense or none", "tag_unknown")
def bad_half_tagged(frame: Frame) -> Draft:
    return _purchase(frame, Line(10_000, "office", tags=(("cost_centre", 1),)))


@seed("bad", "A type nobody has published", "validation_failure")
def bad_unknown_type(frame: Frame) -> Draft:
    return _purchase(frame).changed(type="crypto_purchase")


@seed("bad", "A sub type nobody has published", "validation_failure")
def bad_unknown_sub_type(frame: Frame) -> Draft:
    draft = item(frame, "direct_reimbursement", [Line(10_000, "out_of_pocket", tags=())], supplier=None)
    return draft.changed(subType="reimbursement_to_the_moon")


@seed("bad", "A tax type nobody has published", "validation_failure")
def bad_unknown_tax_type(frame: Frame) -> Draft:
    draft = _purchase(frame)
    tax = {**draft.payload["accountingEntryLines"][0]["tax"], "type": "sideways"}
    return _with_line(draft, {"tax": tax})


@seed("bad", "The wallet currency is UNDEFINED", "validation_failure")
def bad_undefined_currency(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(10_000))
    return Draft(_undefined(draft.payload), draft.files)


@seed("bad", "The lines do not sum to the amount", "validation_failure")
def bad_sum(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(6_000), Line(4_000))
    amount = copy.deepcopy(draft.payload["amount"])
    amount["inWalletCurrency"]["value"] += 1
    return draft.changed(amount=amount)


@seed("bad", "Net amount and tax do not make the line amount", "validation_failure")
def bad_tax_sum(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(10_000, tax=Tax("exclusive", 2_500)))
    net = copy.deepcopy(draft.payload["accountingEntryLines"][0]["netAmount"])
    net["inWalletCurrency"]["value"] -= 300
    return _with_line(draft, {"netAmount": net})


@seed("bad", "A purchase below zero", "validation_failure")
def bad_negative_purchase(frame: Frame) -> Draft:
    return _purchase(frame, Line(-10_000))


@seed("bad", "Half a cent", "validation_failure")
def bad_fraction(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(10_000))
    amount = copy.deepcopy(draft.payload["amount"])
    amount["inWalletCurrency"]["value"] = 10_000.5
    return _with_line(draft.changed(amount=amount), {"lineAmount": amount, "netAmount": amount})


@seed("bad", "No lines at all", "validation_failure")
def bad_no_lines(frame: Frame) -> Draft:
    return _purchase(frame).changed(accountingEntryLines=[])


@seed("bad", "A date in a closed period", "accounting_system_validation_failure")
def bad_closed_period(frame: Frame) -> Draft:
    return _purchase(frame).changed(date=moment(_closed_day(frame), 10, 15))


def _closed_day(frame: Frame) -> date:
    if frame.chart.closed_date is not None:
        return frame.chart.closed_date
    # The first half of the year is closed once the second has begun; before that only earlier years are.
    return date(frame.today.year, 3, 16) if frame.today.month >= 7 else date(frame.today.year - 2, 3, 16)


def _undefined(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: {**part, "currency": "UNDEFINED"} if name == "inWalletCurrency" else _undefined(part)
            for name, part in value.items()
        }
    return [_undefined(part) for part in value] if isinstance(value, list) else value

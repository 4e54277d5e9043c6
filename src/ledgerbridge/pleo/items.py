"""From one raw export item to the records of the house, or to one problem that harms no other item (EXP-DATA-05)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from ledgerbridge.bookkeeping import words
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.pleo import item_models as wire
from ledgerbridge.pleo.models import MONEY_ERROR, entry_id, explain

_DEEPEST = 32
_LONGEST_LINK = 2000
_LONGEST_WORD = 60
_HUGE = 10**15
_NO_CATEGORY = "00000000-0000-0000-0000-000000000000"


class UnreadableItem(Exception):
    """One item cannot be read; `problem` goes on that item and the others go on."""

    def __init__(self, reason: Problem) -> None:
        super().__init__(reason.text)
        self.problem = reason


@dataclass(frozen=True)
class FetchedItem:
    """One element of a data-layer page: as sent, and, for who asks, as read or refused."""

    accounting_entry_id: str | None
    """None only when the element names no entry; its control item then has no payload (EXP-DATA-11)."""
    raw: Mapping[str, Any]
    """The JSON object, safe to store as JSON in Postgres; `parse_item(raw)` gives the same item again."""
    unusable: Problem | None = None
    """Why there is nothing to be read in it."""

    @property
    def item(self) -> words.ExportItem | None:
        """None when it cannot be read."""
        return self._read if isinstance(self._read, words.ExportItem) else None

    @property
    def problem(self) -> Problem | None:
        """Set exactly when `item` is None."""
        return None if isinstance(self._read, words.ExportItem) else self._read

    @cached_property
    def _read(self) -> words.ExportItem | Problem:
        if self.unusable is not None:
            return self.unusable
        try:
            return parse_item(self.raw)
        except UnreadableItem as error:
            return error.problem


def parse_item(raw: Mapping[str, Any]) -> words.ExportItem:
    """The typed item.

    Raises `UnreadableItem` with AMOUNT_INVALID when money is not in whole minor units and nothing else is wrong, else
    with PAYLOAD_UNREADABLE. Unknown types, sub types and methods pass: bookkeeping refuses them by name (EXP-DATA-12).
    """
    try:
        return _item(wire.ItemModel.model_validate(raw, by_alias=True, by_name=False))
    except ValidationError as error:
        reason = _reason(error)
    raise UnreadableItem(reason)


def fetched(raw: Any) -> FetchedItem:
    """One element of a page, whatever it is; never raises."""
    if not isinstance(raw, dict):
        return FetchedItem(None, {}, problem(Failure.PAYLOAD_UNREADABLE, detail="not an object"))
    entry = storable(raw.get("accountingEntryId")) if isinstance(raw.get("accountingEntryId"), str) else ""
    key = entry_id(entry) or None
    try:
        return FetchedItem(key, storable(raw))
    except ValueError as error:
        return FetchedItem(key, {}, problem(Failure.PAYLOAD_UNREADABLE, detail=str(error)))


def storable(value: Any) -> Any:
    """The JSON value with what Postgres cannot hold replaced: NUL and lone surrogates by U+FFFD, infinity by null.

    Raises `ValueError` for nesting no export item has.
    """
    return value if _holds(value, 0) else _replaced(value, 0)


def _holds(value: Any, depth: int) -> bool:
    """Whether nothing in it needs replacing: true of nearly all, and quicker than copying it."""
    if depth >= _DEEPEST:
        return False
    if isinstance(value, str):
        return value.isprintable() or _replaced(value, depth) == value
    if isinstance(value, dict):
        for name, member in value.items():
            if not (name.isprintable() and (_plain(member) or _holds(member, depth + 1))):
                return False
        return True
    if isinstance(value, list):
        return all(_plain(member) or _holds(member, depth + 1) for member in value)
    return not isinstance(value, float) or math.isfinite(value)


def _plain(value: Any) -> bool:
    return (type(value) is str and value.isprintable()) or value is None or type(value) is int


def _replaced(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_replaced(member, depth + 1) for member in value]
    if isinstance(value, dict):
        return {_replaced(name, 0): _replaced(member, depth + 1) for name, member in value.items()}
    return value


def _reason(error: ValidationError) -> Problem:
    faults = error.errors(include_url=False, include_input=False)
    other = next((fault for fault in faults if fault["type"] != MONEY_ERROR), None)
    if other is not None:
        return problem(Failure.PAYLOAD_UNREADABLE, internal=explain(other), detail=explain(other)[:200])
    return problem(Failure.AMOUNT_INVALID, internal=explain(faults[0]), value=faults[0]["ctx"]["value"])


def _item(model: wire.ItemModel) -> words.ExportItem:
    extra = model.additional_information
    return words.ExportItem(
        accounting_entry_id=model.accounting_entry_id,
        company_id=model.company_id,
        type=model.type,
        sub_type=model.sub_type,
        date=model.date,
        amount=_amount(model.amount),
        lines=tuple(_line(line) for line in model.accounting_entry_lines),
        reconciliation_id=extra.reconciliation_id,
        method=model.bookkeeping.method if model.bookkeeping else None,
        contra_account=_account(model.contra_account),
        supplier=words.Supplier(**vars(model.supplier)) if model.supplier else None,
        vendor=words.Vendor(**vars(model.vendor)) if model.vendor else None,
        user=words.Person(**vars(model.user)) if model.user else None,
        team=words.Person(**vars(model.team)) if model.team else None,
        note=model.note,
        attendees=_present(extra.attendees),
        reconciled_entries=_present(extra.reconciled_entries),
        invoice=_invoice(extra.invoice_information),
        service_period=(model.service_period.start, model.service_period.end) if model.service_period else None,
        files=tuple(words.ItemFile(file.url, file.type, file.size) for file in model.files or () if file),
        web_link=web_link(model.links),
    )


def _line(model: wire.LineModel) -> words.ItemLine:
    return words.ItemLine(
        id=model.accounting_entry_line_id,
        amount=_amount(model.line_amount),
        net=_amount(model.net_amount),
        account=_account(model.account),
        tax=_tax(model.tax),
        tags=tuple(words.PleoTag(tag.id, tag.code, tag.group_code) for tag in model.tags or () if tag),
    )


def _amount(model: wire.AmountModel) -> words.Amount:
    wallet, supplier = model.in_wallet_currency, model.in_supplier_currency
    return words.Amount(words.Money(wallet.value, wallet.currency), words.Money(supplier.value, supplier.currency))


def _account(model: wire.AccountModel | None) -> words.PleoAccount | None:
    """None also for Pleo's all-zero id, which stands for "no category chosen"."""
    if model is None or model.id == _NO_CATEGORY:
        return None
    return words.PleoAccount(model.id, model.name, model.code, model.identifier)


def _tax(model: wire.TaxModel | None) -> words.PleoTax | None:
    if model is None:
        return None
    return words.PleoTax(
        id=model.id,
        code=model.code,
        rate=model.rate,
        type=model.type,
        amount=_amount(model.amount),
        ingoing_account=model.ingoing_tax_account,
        outgoing_account=model.outgoing_tax_account,
    )


def _invoice(model: wire.InvoiceModel | None) -> words.InvoiceInformation | None:
    if model is None:
        return None
    return words.InvoiceInformation(
        number=model.invoice_number,
        invoice_date=model.invoice_date,
        status=model.status,
        due_date=model.due_date,
        payment_date=model.payment_date,
    )


def _present(values: list[str | None] | None) -> tuple[str, ...]:
    return tuple(value for value in values or () if value)


def glance(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What an expense is known by without a name: type, day and amount in the wallet's currency, as far as they stand
    there in a readable form. `minor` is in hundredths (EXP-DATA-09)."""
    amount = payload.get("amount")
    wallet = amount.get("inWalletCurrency") if isinstance(amount, Mapping) else None
    money = wallet if isinstance(wallet, Mapping) else {}
    words_kept = {"type": payload.get("type"), "date": payload.get("date"), "currency": money.get("currency")}
    found: dict[str, Any] = {
        name: one for name, one in words_kept.items() if isinstance(one, str) and 0 < len(one) <= _LONGEST_WORD
    }
    value = money.get("value")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _HUGE:
        found["minor"] = value
    return found


def web_link(links: Any) -> str | None:
    """The web link to the expense among an item's `_links`; only http(s), since it ends up where people click."""
    web = links.get("web") if isinstance(links, dict) else None
    if not isinstance(web, dict):
        return None
    found = [web.get("exportItem"), *web.values()]
    return next((url for url in found if isinstance(url, str) and _may_be_clicked(url)), None)


def _may_be_clicked(url: str) -> bool:
    return len(url) <= _LONGEST_LINK and url.startswith(("https://", "http://"))

"""A partner's lists, whole or an error, as the mirror and the chart have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from ledgerbridge.bookkeeping.master_data import (
    ErpVendor,
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    TaxKind,
)
from ledgerbridge.bookkeeping.words import Account, Chart, Dimension, ErpTax, Journal, Period, TaxComponent
from ledgerbridge.erp.http_target import wire, wire_master
from ledgerbridge.erp.http_target.client import Client
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome

_COUNTS = 3
"""How often a list is read again that changed while it was read."""
_MOST_PAGES = 10_000

I = TypeVar("I", covariant=True)  # noqa: E741


class PageOf(Protocol[I]):
    """One page of a list."""

    @property
    def items(self) -> tuple[I, ...]: ...
    @property
    def next(self) -> str | None: ...
    @property
    def total(self) -> int: ...


T = TypeVar("T")


async def whole(
    client: Client,
    answer: type[Any],
    asked: Callable[[str | None], wire.Request],
    named: Callable[[T], object],
) -> list[T]:
    """Every record of a list, page after page and counted: a list cut short by anybody must not look as if records
    had vanished. Raises `CallFailed`."""
    said, operation = "", asked(None).operation
    for _ in range(_COUNTS):
        found: list[T] = []
        total, cursor = 0, None
        for _ in range(_MOST_PAGES):
            page: PageOf[T] = await client.read(asked(cursor), answer)
            found += page.items
            total = page.total
            if page.next is None:
                break
            if page.next == cursor or not page.items:
                raise CallFailed(Outcome.UNFIT, operation, said=f"{operation} answered a page that leads nowhere")
            cursor = page.next
        names = {named(one) for one in found}
        if len(names) == len(found) == total:
            return found
        said = f"{operation} answered {len(found)} records, {len(names)} of them different, and told a total of {total}"
    raise CallFailed(Outcome.UNFIT, operation, said=said)


class Lists:
    """The lists of one company. Every method raises `CallFailed`."""

    def __init__(self, client: Client, company: str) -> None:
        self._client = client
        self._company = company

    async def accounts(self) -> list[wire_master.Account]:
        return await self._list("accounts", wire_master.AccountPage, lambda one: one.id)

    async def tax_codes(self) -> list[wire_master.TaxCode]:
        return await self._list("tax_codes", wire_master.TaxCodePage, lambda one: one.code)

    async def dimensions(self) -> list[wire_master.Dimension]:
        return await self._list("dimensions", wire_master.DimensionPage, lambda one: one.id)

    async def values(self, dimension: str) -> list[wire_master.DimensionValue]:
        def asked(cursor: str | None) -> wire.Request:
            return wire_master.ValuesRequest(
                operation="dimension_values", company=self._company, cursor=cursor, dimension=dimension
            )

        return await whole(self._client, wire_master.ValuePage, asked, lambda one: one.id)

    async def journals(self) -> list[wire_master.Journal]:
        return await self._list("journals", wire_master.JournalPage, lambda one: one.id)

    async def periods(self) -> list[wire_master.Period]:
        return await self._list("periods", wire_master.PeriodPage, lambda one: one.id)

    async def vendors(self) -> list[wire_master.Vendor]:
        return await self._list("vendors", wire_master.VendorPage, lambda one: one.id)

    async def _list(self, operation: str, answer: type[wire_master.Page], named: Callable[[T], object]) -> list[T]:
        def asked(cursor: str | None) -> wire.Request:
            return wire_master.ListRequest(operation=operation, company=self._company, cursor=cursor)

        return await whole(self._client, answer, asked, named)


async def chart(lists: Lists, currency: str, *, dimensions: bool, tax_codes: bool) -> Chart:
    """What can be booked on, made of the same lists as the mirror, so that the two cannot disagree."""
    accounts = await lists.accounts()
    taxes = await lists.tax_codes() if tax_codes else []
    sorts = [one for one in await lists.dimensions() if one.active] if dimensions else []
    return Chart(
        currency=currency,
        accounts=tuple(_account(one) for one in accounts if one.active),
        journals=tuple(Journal(one.id, one.code, one.name) for one in await lists.journals()),
        taxes=tuple(_tax(one) for one in taxes if one.active),
        dimensions=tuple([_dimension(one, await lists.values(one.id)) for one in sorts]),
        periods=tuple(
            sorted(
                (Period(one.id, one.name, one.start, one.end, one.open) for one in await lists.periods()),
                key=lambda period: period.start,
            )
        ),
    )


def _account(of: wire_master.Account) -> Account:
    return Account(of.id, of.code or "", of.name, of.needs_vendor, of.needs_dimensions, True, of.type, of.income)


def _tax(of: wire_master.TaxCode) -> ErpTax:
    parts = tuple(TaxComponent(part.id, part.rate, part.account) for part in of.components)
    return ErpTax(of.code, of.code, of.name, parts)


def _dimension(of: wire_master.Dimension, values: Sequence[wire_master.DimensionValue]) -> Dimension:
    usable = [(one.code, one) for one in values if one.active and one.code]
    times = Counter(code for code, _ in usable)
    # A code that stands for two values is none that can be booked on.
    once = [(code, one) for code, one in usable if times[code] == 1]
    ids, names = {code: one.id for code, one in once}, {code: one.name for code, one in once}
    return Dimension(of.id, of.code, of.name, ids, of.required, names)


def account(of: wire_master.Account) -> MasterAccount:
    return MasterAccount(of.id, of.code or None, of.name, of.tax_code, of.active)


def tax_code(of: wire_master.TaxCode) -> MasterTaxCode:
    ingoing = [part for part in of.components if part.rate >= 0]
    outgoing = [part for part in of.components if part.rate < 0] if of.kind == "reverse" else []
    return MasterTaxCode(
        code=of.code,
        name=of.name,
        rate=sum((part.rate for part in ingoing), Decimal(0)),
        kind=TaxKind(of.kind),
        ingoing_account=ingoing[0].account if ingoing else None,
        outgoing_account=outgoing[0].account if outgoing else None,
        active=of.active,
    )


def dimension(of: wire_master.Dimension) -> MasterDimension:
    return MasterDimension(of.id, of.code, of.name, of.active)


def value(of: wire_master.DimensionValue) -> MasterValue:
    return MasterValue(of.id, of.code or None, of.name, of.active)


def vendor(of: wire_master.Vendor) -> ErpVendor:
    return ErpVendor(
        id=of.id,
        code=of.code,
        name=of.name,
        currency=of.currency,
        country=of.country,
        registration_number=of.registration_number,
        tax_registration_number=of.tax_registration_number,
        payable=of.payable,
        active=of.active,
        pleo_id=of.pleo_id,
        merged_into=of.merged_into,
    )

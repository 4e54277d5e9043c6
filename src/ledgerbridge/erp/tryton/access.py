"""Who we are in Tryton: the company we may see and the rights we have there (EXP-VALID-03 to -05)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpCompany, ErpError
from ledgerbridge.erp.tryton.chart import period_domain, shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.wire import Record

_COMPANY = (
    "party.name",
    "party.tax_identifier.code",
    "party.identifiers.type",
    "party.identifiers.code",
    "currency.code",
)
_ENTRY_RIGHTS = {
    "account.move": ("read", "write", "create", "delete"),
    "account.move.line": ("read", "write", "create", "delete"),
    "account.tax.line": ("read", "create"),
}
_ANALYTIC_RIGHTS = {"analytic_account.line": ("read", "create")}
_VENDOR_RIGHTS = {
    "party.party": ("read", "create"),
    "party.identifier": ("read", "create"),
    "party.address": ("read", "create"),
}
_BILL_RIGHTS = {
    "account.invoice": ("read", "write", "create", "delete"),
    "account.invoice.line": ("read", "write", "create", "delete"),
    "account.invoice.tax": ("read", "write", "create", "delete"),
    "account.move.reconciliation": ("read", "create"),
    "party.party": ("read",),
    "party.address": ("read",),
}
_FILE_RIGHTS = {"ir.attachment": ("read", "create")}


@dataclass(frozen=True, slots=True)
class User:
    """The user the key belongs to."""

    companies: frozenset[int]
    """Companies whose records are visible."""
    groups: frozenset[int]
    administrator: bool


async def user(client: Client) -> User:
    preferences = await client.ask("res.user", "get_preferences", {"context_only": True})
    return shaped(lambda: _user(preferences))


def _user(preferences: Record) -> User:
    companies = frozenset(preferences.get("companies") or ())
    if preferences.get("company_filter") != "all":
        # With the filter `one` only the company the user has chosen shows, whatever our context says.
        companies &= {preferences.get("company")}
    return User(companies, frozenset(preferences.get("groups") or ()), bool(preferences.get("administrator")))


async def company(client: Client, number: int) -> ErpCompany:
    """The company of the binding. Raises `ErpError` ERP_COMPANY_UNKNOWN when it is not there or not ours to see.

    Tryton shows the name of every company to every user, so the user's own list decides.
    """
    rows = await client.search("company.company", [["id", "=", number]], _COMPANY)
    if not rows or number not in (await user(client)).companies:
        seen = "not among the companies of the user" if rows else "no such company"
        raise ErpError(problem(Failure.ERP_COMPANY_UNKNOWN, f"Tryton: company {number}: {seen}", company=number))
    return shaped(lambda: _company(rows[0]))


async def companies(client: Client, me: User) -> list[ErpCompany]:
    """The companies that a user may work in."""
    rows = await client.search("company.company", [["id", "in", sorted(me.companies)]], _COMPANY)
    return shaped(lambda: [_company(row) for row in rows])


def _company(row: Record) -> ErpCompany:
    party = row["party"]
    return ErpCompany(str(row["id"]), party["name"] or "", _registration_number(party), row["currency"]["code"])


def _registration_number(party: Record) -> str | None:
    """The tax identifier; without one the first of the other identifiers by kind and code, so that it never wavers."""
    if party["tax_identifier"]:
        return str(party["tax_identifier"]["code"])
    others = sorted((other["type"] or "", other["code"]) for other in party["identifiers"])
    return str(others[0][1]) if others else None


async def has_analytic(client: Client) -> bool:
    """Whether the module `analytic_account` is active; without it its models must not be named."""
    return bool(await client.search("ir.model", [["name", "=", "analytic_account.line"]], ("name",)))


async def active_modules(client: Client, names: Sequence[str]) -> frozenset[str]:
    """Which of these modules of Tryton are active."""
    rows = await client.search("ir.module", [["name", "in", list(names)], ["state", "=", "activated"]], ("name",))
    return shaped(lambda: frozenset(str(row["name"]) for row in rows))


async def missing_right(client: Client, *, analytic: bool) -> str | None:
    """What the user may not do of all that booking needs, as it completes "may not ..."; None when all is well."""
    entry = {**_ENTRY_RIGHTS, **(_ANALYTIC_RIGHTS if analytic else {})}
    granted = await client.ask("ir.model.access", "get_access", {"models": [*entry, *_FILE_RIGHTS]})
    if not shaped(lambda: _covers(granted, entry)):
        return "create journal entries"
    if not shaped(lambda: _covers(granted, _FILE_RIGHTS)):
        return "attach files to journal entries"
    return None


async def missing_bill_right(client: Client) -> str | None:
    """What the user may not do of all that bills and their payments need, as it completes "may not ..."."""
    granted = await client.ask("ir.model.access", "get_access", {"models": list(_BILL_RIGHTS)})
    return None if shaped(lambda: _covers(granted, _BILL_RIGHTS)) else "create vendor bills and match their payments"


async def may_unmatch(client: Client) -> bool:
    """Whether the user may take matches of bills and payments apart, which Tryton leaves to administrators of accounts
    unless a group is given the right."""
    model = "account.move.reconciliation"
    granted = await client.ask("ir.model.access", "get_access", {"models": [model]})
    return shaped(lambda: _covers(granted, {model: ("delete",)}))


async def may_create_vendors(client: Client) -> bool:
    """Whether the user has the rights that a new vendor needs. Booking needs none of them, so no job waits for it."""
    granted = await client.ask("ir.model.access", "get_access", {"models": list(_VENDOR_RIGHTS)})
    return shaped(lambda: _covers(granted, _VENDOR_RIGHTS))


def _covers(granted: Any, needed: Mapping[str, Sequence[str]]) -> bool:
    return all(granted[model][right] for model, rights in needed.items() for right in rights)


async def may_post(client: Client, model: str = "account.move") -> bool:
    """Whether the user may press the button `post` of a model."""
    return await may_press(client, model, "post")


async def may_press(client: Client, model: str, button: str) -> bool:
    """Whether the user may press a button of a model: open to all who may write, unless it has groups."""
    me = await user(client)
    buttons = await client.search("ir.model.button", [["model", "=", model], ["name", "=", button]], ("groups",))
    allowed = shaped(lambda: frozenset(group for button in buttons for group in button["groups"]))
    return me.administrator or not allowed or bool(allowed & me.groups)


async def has_open_period(client: Client, number: int) -> bool:
    """Whether anything at all can be booked; a company whose periods are all closed is locked to us."""
    return bool(await client.search("account.period", [*period_domain(number), ["state", "=", "open"]], ("id",)))

"""What a person is asked for to bind a Tryton company, and what their access shows before one is chosen.

Whoever enters an address or a key for the first time mistypes it, so every fault is told beside the field it is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import httpx

from ledgerbridge.erp.adapter import SettingField, SettingKind, SettingsError
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.erp.tryton import access, wire
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.settings import Access
from ledgerbridge.outgoing.bodies import read_body
from ledgerbridge.outgoing.network import AddressRefused

PATIENCE = Patience(tries=2, at_most=10.0)
"""A person waits for the answer."""

FORM = (
    SettingField(
        "base_url",
        "Address of Tryton",
        "As you open it in your browser, up to the database.",
        SettingKind.URL,
        placeholder="https://tryton.example.com",
        place=True,
    ),
    SettingField(
        "database",
        "Database",
        "Its name stands behind the # in the address of your browser, and in the sign-in window.",
        SettingKind.TEXT,
        place=True,
    ),
    SettingField(
        "api_key",
        "Key of the integration user",
        "In Tryton, an administrator opens the user under Administration, Users and adds a user application of the "
        "kind REST. The user needs the groups Accounting and Party Administration, and the company you book in.",
        SettingKind.SECRET,
    ),
    SettingField("company", "Company", "The companies that the integration user may work in.", SettingKind.COMPANY),
    SettingField(
        "vendor_category",
        "Only vendors of this party category",
        "Its full name as Tryton shows it. Leave it empty when all parties may be vendors.",
        SettingKind.TEXT,
        required=False,
        placeholder="Suppliers / Abroad",
    ),
)

_NOT_TRYTON = (
    "Something answers at this address, but not Tryton with its REST interface. Enter the address at which you open "
    "Tryton in your browser."
)
_LARGEST = 4096


async def companies(http: httpx.AsyncClient, client: Client, at: Access) -> Sequence[ErpCompany]:
    """The companies of the user, by name. Raises `SettingsError` where a field is at fault, else `CallFailed`."""
    try:
        me = await access.user(client)
        lacking = await access.missing_right(client, analytic=await access.has_analytic(client))
    except CallFailed as failure:
        if fault := await _fault(failure, http, at):
            raise SettingsError(fault) from None
        raise
    if lacking:
        raise SettingsError(
            {"api_key": f"The user of this key may not {lacking}. Give it the group Accounting in Tryton."}
        )
    found = await access.companies(client, me)
    if not found:
        told = "The user of this key may not work in any company. Give it one in Tryton under Administration, Users."
        raise SettingsError({"api_key": told})
    return sorted(found, key=lambda one: (one.name.casefold(), int(one.id)))


async def _fault(failure: CallFailed, http: httpx.AsyncClient, at: Access) -> dict[str, str] | None:
    match failure.outcome:
        case Outcome.BAD_KEY:
            told = "Tryton refuses this key. Copy it again, and see that the user application is validated there."
            return {"api_key": told}
        case Outcome.NOT_SENT:
            told = "Nothing answers at this address. See that it is right and can be reached from the internet."
            return {"base_url": told}
        case Outcome.NOT_FOUND if await _is_tryton(http, at):
            return {"database": f"This Tryton has no database {at.database}."}
        case Outcome.NOT_FOUND | Outcome.STRANGE:
            return {"base_url": _NOT_TRYTON}
    return None


async def _is_tryton(http: httpx.AsyncClient, at: Access) -> bool:
    """Whether a Tryton answers at the address, whatever the database. The key is left out: it may not belong here."""
    ask = {"id": 1, "method": "common.server.version", "params": []}
    with suppress(httpx.HTTPError, AddressRefused, TimeoutError, ValueError):
        request = http.build_request("POST", f"{at.base_url}/rpc/", json=ask)
        del request.headers["Authorization"]
        answer = await http.send(request, stream=True)
        try:
            content, whole = await read_body(answer, _LARGEST)
        finally:
            await answer.aclose()
        told = wire.loads(content) if whole and answer.status_code == 200 else None
        return isinstance(told, str) or (isinstance(told, dict) and isinstance(told.get("result"), str))
    return False

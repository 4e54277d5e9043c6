"""What can go wrong while a customer connects, in the customer's words: one row a case."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ledgerbridge.connections.errors import ConnectRefused


class Why(StrEnum):
    """Names of the rows; stable, shown as `code`."""

    STATE_MISSING = "state_missing"
    STATE_UNKNOWN = "state_unknown"
    STATE_USED = "state_used"
    STATE_EXPIRED = "state_expired"
    OTHER_BROWSER = "other_browser"
    DENIED = "denied"
    PLEO_ERROR = "pleo_error"
    CODE_MISSING = "code_missing"
    CODE_REFUSED = "code_refused"
    PLEO_UNREACHABLE = "pleo_unreachable"
    CLIENT_REJECTED = "client_rejected"
    NOT_AUTHORISED = "not_authorised"
    INSTALLATION_MISSING = "installation_missing"
    COMPANY_UNCLEAR = "company_unclear"
    ORGANISATION = "organisation"
    CONNECTED_ELSEWHERE = "connected_elsewhere"
    CANNOT_CHECK_NOW = "cannot_check_now"
    NOT_CONNECTED = "not_connected"
    KEY_REFUSED = "key_refused"
    KEY_OF_OTHER_COMPANY = "key_of_other_company"


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    text: str
    what_to_do: str


_AGAIN = "Go back to Pleo and press Connect again."
_SUPPORT = "If it happens again, contact our support."

_TABLE: dict[Why, _Words] = {
    Why.STATE_MISSING: _Words(
        "This page was opened without a connection under way",
        "Pleo sends you here at the end of connecting. The address you opened lacks what shows that you began it.",
        _AGAIN,
    ),
    Why.STATE_UNKNOWN: _Words(
        "We do not know this connection attempt",
        "It was not begun here, or it was begun so long ago that we forgot it. Nothing was connected.",
        _AGAIN,
    ),
    Why.STATE_USED: _Words(
        "This connection attempt was already finished",
        "Each attempt works once. If it connected the company, that still stands. Nothing more was done now.",
        "Open the settings of the integration in Pleo to see where things stand, or press Connect there again.",
    ),
    Why.STATE_EXPIRED: _Words(
        "Connecting took too long",
        "For your safety an attempt is valid for 10 minutes. Nothing was connected.",
        _AGAIN,
    ),
    Why.OTHER_BROWSER: _Words(
        "This connection was begun in another browser",
        "The browser that began connecting must also finish it, and it must accept our cookie. Nothing was connected.",
        "Press Connect in Pleo again and stay in one browser window. Allow cookies for this site.",
    ),
    Why.DENIED: _Words(
        "The access was not allowed",
        "In Pleo, the request was declined. Nothing was connected and nothing was changed.",
        "If that was not intended, press Connect in Pleo again and choose Allow.",
    ),
    Why.PLEO_ERROR: _Words(
        "Pleo could not connect us",
        "Pleo ended the attempt with the error {error}. Nothing was connected.",
        f"{_AGAIN} {_SUPPORT}",
    ),
    Why.CODE_MISSING: _Words(
        "Pleo's answer was incomplete",
        "Pleo sent you back without the code we need to finish. Nothing was connected.",
        f"{_AGAIN} {_SUPPORT}",
    ),
    Why.CODE_REFUSED: _Words(
        "Pleo did not accept the connection any more",
        "The code Pleo gave us was used already or too old. Nothing was connected.",
        _AGAIN,
    ),
    Why.PLEO_UNREACHABLE: _Words(
        "Pleo does not answer",
        "We could not finish connecting, because Pleo did not answer us. Nothing was connected.",
        "Wait a few minutes, then press Connect in Pleo again.",
    ),
    Why.CLIENT_REJECTED: _Words(
        "Our own access to Pleo does not work",
        "Pleo did not recognise our service. This is our fault, not yours; we have been told. Nothing was connected.",
        "Try again later.",
    ),
    Why.NOT_AUTHORISED: _Words(
        "Pleo did not give us access",
        "Connecting looked successful, but Pleo then refused us access to the company. Nothing was connected.",
        f"Make sure that you may manage integrations in Pleo, then press Connect again. {_SUPPORT}",
    ),
    Why.INSTALLATION_MISSING: _Words(
        "Pleo does not know this integration for your company",
        "Pleo should list our integration for the company after you allow it, but does not. Nothing was connected.",
        f"{_AGAIN} {_SUPPORT}",
    ),
    Why.COMPANY_UNCLEAR: _Words(
        "We cannot tell which company was connected",
        "{detail} To keep your books safe, nothing was connected.",
        f"{_AGAIN} {_SUPPORT}",
    ),
    Why.ORGANISATION: _Words(
        "A single company is needed",
        "The access was given for a whole organisation. Bookkeeping is connected for one company at a time. "
        "Nothing was connected.",
        "Press Connect in Pleo again and choose one company. Repeat it for each further company.",
    ),
    Why.CONNECTED_ELSEWHERE: _Words(
        "This company is already connected",
        "Somebody connected {company} before, and that connection works. It was left untouched.",
        "To see and change its settings, sign in with Pleo. To connect it anew, disconnect it first.",
    ),
    Why.CANNOT_CHECK_NOW: _Words(
        "This company is already connected, and we cannot check that just now",
        "{company} was connected before. We could not find out whether that still works, so it was left untouched.",
        "Wait a few minutes, then press Connect in Pleo again.",
    ),
    Why.NOT_CONNECTED: _Words(
        "This company is not connected yet",
        "You signed in for a company of Pleo that nobody has connected here, or that was disconnected. Nothing was "
        "changed.",
        "To connect it, press Connect. If you meant another company, sign in again and choose that one in Pleo.",
    ),
    Why.KEY_REFUSED: _Words(
        "Pleo does not accept this API key",
        "Pleo refused the key: it is mistyped, expired, revoked or lacks rights. Nothing was changed.",
        "Copy the key from Pleo again, or create a new one there.",
    ),
    Why.KEY_OF_OTHER_COMPANY: _Words(
        "This API key belongs to another company",
        "The key opens another Pleo company than the one connected here. Nothing was changed.",
        "Create a key in the right company in Pleo.",
    ),
}  # fmt: skip


def refused(why: Why, **facts: object) -> ConnectRefused:
    """The error of one row, its places filled."""
    row = _TABLE[why]
    return ConnectRefused(why.value, row.title, row.text.format(**facts), row.what_to_do)

"""What this room raises. Every error is written for the person who has to act on it; none holds a secret."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from ledgerbridge.pleo.errors import PleoError, Unauthorised, Unreached


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what a person sent."""

    path: str
    """Where, as dotted member names (`accounts.wallet.DKK`); empty for the whole."""
    text: str
    """A sentence: what is wrong and what would be right."""


class ConnectRefused(Exception):
    """Connecting to Pleo did not succeed; the words are for the customer in the browser (see `refusals`)."""

    def __init__(self, code: str, title: str, text: str, what_to_do: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        """A stable, short name."""
        self.title = title
        self.text = text
        """What happened."""
        self.what_to_do = what_to_do


class Refused(Exception):
    """A request that cannot be carried out as things stand; `code` is stable, `text` says why and what to do."""

    def __init__(self, code: str, text: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.faults = tuple(faults)


class BindingRefused(Refused):
    """The ERP could not be bound; nothing was changed."""


class ConfigurationRefused(Refused):
    """The configuration is wrong in the places `faults` names; nothing was changed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        listed = "; ".join(f"{fault.path}: {fault.text}" if fault.path else fault.text for fault in faults)
        super().__init__("configuration_refused", f"Nothing was changed. {listed}", faults)


class ActivationRefused(Refused):
    """The connection cannot go live yet; its status is unchanged."""


class ActivationOver(Exception):
    """The activation under way has ended meanwhile, as by a disconnect, or another one has begun."""


class ConnectionUnknown(LookupError):
    """No connection has this id."""

    def __init__(self, connection_id: uuid.UUID) -> None:
        super().__init__(f"there is no connection {connection_id}")
        self.connection_id = connection_id


class ErpNotBound(Refused):
    """No accounting system is bound to the connection, or its access was wiped on disconnect."""

    def __init__(self) -> None:
        super().__init__("erp_not_bound", "No accounting system is connected. Connect one first.")


class CredentialError(PleoError):
    """Calls to Pleo cannot be authenticated for this connection just now; the call in question was not sent."""

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__("credential", detail=text, retry_after=retry_after)
        self.text = text
        """A sentence for a person."""


class GrantEnded(CredentialError, Unauthorised):
    """Pleo refused the grant for good, or the tokens were wiped: somebody has to connect again (AUTH-059)."""


class RefreshUnavailable(CredentialError, Unreached):
    """The token endpoint could not be reached or failed; the tokens are kept, try later (AUTH-057)."""


class SecretUnreadable(CredentialError, Unreached):
    """A stored secret does not open: moved, altered, or its key is not listed. Nothing was sent, ended or wiped."""


class ClientRejected(CredentialError, Unreached):
    """Pleo refused our own client id or secret: an operator must act, no connection is at fault (AUTH-057a)."""

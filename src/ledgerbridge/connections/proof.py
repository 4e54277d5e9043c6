"""What a new credential stands for, asked of Pleo before anything is bound to it (AUTH-062, AUTH-065, AUTH-101)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledgerbridge.connections.access import client
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.credentials import FixedCredential
from ledgerbridge.connections.refusals import Why, refused
from ledgerbridge.pleo.credentials import api_key_header, bearer_header
from ledgerbridge.pleo.errors import Forbidden, NotFound, PleoError, Unauthorised
from ledgerbridge.pleo.installations import Installation, InstallationsApi
from ledgerbridge.pleo.introspect import ExternalClient, NotOneCompany, Reason, company_of, introspect
from ledgerbridge.pleo.tokens import TokenAnswer


@dataclass(frozen=True, slots=True)
class Proven:
    """A credential that Pleo confirmed to stand for exactly one company."""

    company_id: str
    scopes: str
    """Granted, space-separated."""
    secret: TokenAnswer | str = field(repr=False)
    """The token pair, or the API key."""
    installation: Installation | None
    """None only with an API key, where we create it ourselves (AUTH-102)."""

    @property
    def method(self) -> str:
        """As in `connections.auth_method`."""
        return "api_key" if isinstance(self.secret, str) else "oauth"


async def prove(room: Connections, secret: TokenAnswer | str) -> Proven:
    """Read the installation and the credential at Pleo; both must name the same company. Raises `ConnectRefused`."""
    by_key = isinstance(secret, str)
    header = api_key_header(secret) if isinstance(secret, str) else bearer_header(secret.access_token)
    pleo = client(room, FixedCredential(header), "connecting")
    try:
        installation = await _installation(InstallationsApi(pleo), by_key)
        who = await introspect(pleo)
        company_id = _company(who, installation)
    except NotOneCompany as error:
        if error.reason == "organisation":
            raise refused(Why.ORGANISATION) from error
        raise refused(Why.COMPANY_UNCLEAR, detail=str(error)) from error
    except NotFound as error:
        raise refused(Why.INSTALLATION_MISSING) from error
    except (Unauthorised, Forbidden) as error:
        raise refused(Why.KEY_REFUSED if by_key else Why.NOT_AUTHORISED) from error
    except PleoError as error:
        raise refused(Why.PLEO_UNREACHABLE) from error
    granted = None if isinstance(secret, str) else secret.scope
    return Proven(company_id, granted or who.scope, secret, installation)


async def _installation(api: InstallationsApi, may_be_absent: bool) -> Installation | None:
    try:
        return await api.get()
    except NotFound:
        if may_be_absent:
            return None
        raise


def _company(who: ExternalClient, installation: Installation | None) -> str:
    if installation is not None:
        return company_of(who, installation)
    if who.subject is None:
        raise NotOneCompany("unnamed", "Pleo did not name the company of this key.")
    if who.subject.kind != "company":
        reason: Reason = "organisation" if who.subject.kind == "organisation" else "not_a_company"
        raise NotOneCompany(reason, f"The key belongs to a {who.subject.kind}, not to a company.")
    return who.subject.id

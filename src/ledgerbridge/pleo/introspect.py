"""Who am I at Pleo: `GET /v1/introspect`, and the check that a credential stands for exactly one company."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ledgerbridge.pleo.installations import Installation
from ledgerbridge.pleo.models import Wire
from ledgerbridge.pleo.subject import Subject, parse_urn
from ledgerbridge.pleo.transport import Call, PleoClient


class ExternalClient(Wire):
    """The credential as Pleo sees it."""

    auth_method: str
    """`OAUTH2`, `API_KEY` or `NONE`."""
    client_id: str
    scope: str = ""
    """Space-separated."""
    subject_urn: str | None = Field(default=None, alias="subjectURN")
    application_name: str | None = None

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.split())

    @property
    def subject(self) -> Subject | None:
        return parse_urn(self.subject_urn)


Reason = Literal["mismatch", "organisation", "not_a_company", "unnamed"]


class NotOneCompany(Exception):
    """The credential does not stand for exactly one company; nothing may be bound to it (AUTH-062 to -065)."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


async def introspect(client: PleoClient) -> ExternalClient:
    """Describe the current credential. Answers stand inside `data` (AUTH-062)."""
    return await client.record(Call("introspect", "GET", "/v1/introspect"), ExternalClient, inside="data")


def missing_scopes(requested: str, granted: str) -> tuple[str, ...]:
    """The requested scopes that were not granted, both space-separated (AUTH-034)."""
    have = frozenset(granted.split())
    return tuple(scope for scope in requested.split() if scope not in have)


def company_of(client: ExternalClient, installation: Installation) -> str:
    """The id of the one company this credential and this installation stand for.

    The subject is optional in Pleo's answer; then the installation decides alone. Raises `NotOneCompany`.
    """
    resource = parse_urn(installation.resource)
    if resource is None:
        raise NotOneCompany("unnamed", "Pleo did not name the company of this installation.")
    if client.subject_urn is not None and client.subject != resource:
        raise NotOneCompany("mismatch", "Pleo's credential and installation name different companies.")
    if resource.kind == "organisation":
        raise NotOneCompany("organisation", "The access was given for a whole organisation; choose one company.")
    if resource.kind != "company":
        raise NotOneCompany("not_a_company", f"The access was given for a {resource.kind}, not for a company.")
    return resource.id

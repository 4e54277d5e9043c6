"""Who is calling: a bearer token or an API key, turned into the companies and scopes it opens."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from pleo_sandbox.config import EXPORT_SCOPES
from pleo_sandbox.core.clients import Clients
from pleo_sandbox.core.companies import Companies
from pleo_sandbox.core.problems import bad_request, company_not_found, forbidden, parameter_missing, unauthorised
from pleo_sandbox.core.tokens import Tokens
from pleo_sandbox.core.words import is_uuid, parse_subject


@dataclass(frozen=True)
class ApiKey:
    """A customer's key with the scopes Pleo fixed for it."""

    key: str
    name: str
    subject: str
    scope: tuple[str, ...] = (*EXPORT_SCOPES, "companies:read", "vendors:read")


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. ``companies`` are the ids its subject opens; ``family_id`` is empty for API keys."""

    auth_method: str
    client_id: str
    name: str
    subject: str
    scope: tuple[str, ...]
    companies: frozenset[str]
    family_id: str = ""

    @property
    def is_organisation(self) -> bool:
        """Whether the credential belongs to the organisation rather than to one company."""
        return self.subject.startswith("urn:pleo:organisation:")

    def require(self, scope: str) -> None:
        """Raises a 403 refusal when the scope was not granted."""
        if scope not in self.scope:
            raise forbidden(f"The credential lacks the scope {scope}")


class Credentials:
    """Reads ``Authorization`` headers of the resource APIs."""

    def __init__(self, tokens: Tokens, clients: Clients, companies: Companies) -> None:
        self._tokens, self._clients, self._companies = tokens, clients, companies
        self.api_keys: dict[str, ApiKey] = {}

    def add_api_key(self, key: ApiKey) -> ApiKey:
        """Registers a key."""
        self.api_keys[key.key] = key
        return key

    def caller(self, authorization: str | None) -> Caller:
        """The caller behind a header; raises a 401 refusal for none, a malformed or a dead credential."""
        scheme, _, credential = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and credential:
            return self._bearer(credential)
        if scheme.lower() == "basic" and credential:
            return self._key(credential)
        raise unauthorised("A bearer token or an API key is required")

    def _bearer(self, token: str) -> Caller:
        family = self._tokens.bearer(token)
        client = self._clients.get(family.client_id)
        name = client.config.name if client else family.client_id
        companies = self._companies_of(family.subject)
        return Caller("OAUTH2", family.client_id, name, family.subject, family.scope, companies, family.id)

    def _key(self, encoded: str) -> Caller:
        try:
            user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise unauthorised("The Basic credentials are malformed") from None
        key = self.api_keys.get(user)
        if key is None or not colon or password:
            raise unauthorised("The API key is unknown, or sent with a password")
        return Caller("API_KEY", key.name, key.name, key.subject, key.scope, self._companies_of(key.subject))

    def _companies_of(self, subject: str) -> frozenset[str]:
        parsed = parse_subject(subject)
        if parsed is None:
            return frozenset()
        if parsed[0] == "company":
            return frozenset({parsed[1]})
        return frozenset(company.id for company in self._companies.all())


def require_company(caller: Caller, company_id: str | None) -> frozenset[str]:
    """The companies a list call is about. Organisation credentials must name one; a foreign one is a 404."""
    if company_id is None:
        if caller.is_organisation:
            raise parameter_missing("company_id")
        return caller.companies
    if not is_uuid(company_id):
        raise bad_request("company_id must be a UUID")
    if company_id.lower() not in caller.companies:
        raise company_not_found(company_id)
    return frozenset({company_id.lower()})

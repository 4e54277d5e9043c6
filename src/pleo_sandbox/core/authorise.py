"""The front channel: an authorise request is checked, shown for consent, and ends in a code or an error."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from pleo_sandbox.core.clients import Client, Clients
from pleo_sandbox.core.clock import Clock
from pleo_sandbox.core.problems import ConsentRedirect, ConsentRefusal, OAuthRefusal
from pleo_sandbox.core.tokens import Family, TokenPair, Tokens
from pleo_sandbox.core.words import new_id, parse_subject

AUTHORISE_PARAMETERS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "urn_pleo_params_oauth_subject",
)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*")


@dataclass(frozen=True)
class ConsentRequest:
    """A good authorise request waiting for a person's decision. ``subject`` is a preselected URN, or empty."""

    id: str
    client: Client
    redirect_uri: str
    scope: tuple[str, ...]
    state: str
    challenge: str
    subject: str


@dataclass
class Code:
    """An authorisation code: single use, short-lived, tied to client, redirect URI and PKCE challenge."""

    request: ConsentRequest
    subject: str
    expires_at: datetime
    used: bool = False
    family: Family | None = None


class Consents:
    """Open consent requests and the codes that came of them."""

    def __init__(self, clock: Clock, clients: Clients, tokens: Tokens, code_seconds: int) -> None:
        self._clock, self._clients, self._tokens = clock, clients, tokens
        self._code_seconds = code_seconds
        self._requests: dict[str, ConsentRequest] = {}
        self._codes: dict[str, Code] = {}

    def begin(self, query: Sequence[tuple[str, str]]) -> ConsentRequest:
        """Checks an authorise request.

        Raises ``ConsentRefusal`` while client or redirect URI are not proven (the browser stays here), and
        ``ConsentRedirect`` with an RFC 6749 section 4.1.2.1 error for everything after.
        """
        counts = Counter(name for name, _ in query)
        values = dict(query)
        client = self._clients.get(values.get("client_id", ""))
        if client is None or counts["client_id"] != 1:
            raise ConsentRefusal("The application that sent you here is not registered with Pleo.")
        redirect_uri = values.get("redirect_uri", "")
        if redirect_uri not in client.config.redirect_uris or counts["redirect_uri"] != 1:
            raise ConsentRefusal("The address to return to is not one that the application has registered.")
        request = ConsentRequest(
            id=new_id(),
            client=client,
            redirect_uri=redirect_uri,
            scope=tuple(values.get("scope", "").split(" ")),
            state=values.get("state", ""),
            challenge=values.get("code_challenge", ""),
            subject=values.get("urn_pleo_params_oauth_subject", ""),
        )
        error = _error_in(values, counts, request)
        if error is not None:
            raise ConsentRedirect(_back(request, error=error[0], error_description=error[1]))
        self._requests[request.id] = request
        return request

    def waiting(self, request_id: str) -> ConsentRequest:
        """The request a consent form belongs to; raises ``ConsentRefusal`` once it was decided."""
        try:
            return self._requests[request_id]
        except KeyError:
            raise ConsentRefusal("This request is unknown or has been decided already.") from None

    def allow(self, request_id: str, subject: str) -> str:
        """The person allows access to ``subject``; returns where the browser goes, with code and state."""
        request = self.waiting(request_id)
        del self._requests[request_id]
        code = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + timedelta(seconds=self._code_seconds)
        self._codes[code] = Code(request, subject, expires_at)
        return _back(request, code=code)

    def deny(self, request_id: str) -> str:
        """The person refuses; returns where the browser goes."""
        request = self.waiting(request_id)
        del self._requests[request_id]
        return _back(request, error="access_denied", error_description="The user denied access")

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str) -> tuple[Family, TokenPair]:
        """Turns a code into the first token pair of a new family.

        Raises ``invalid_grant``. A code presented twice also ends what it had issued; a failed attempt by its own
        client uses the code up, so that nobody can try verifiers.
        """
        found = self._codes.get(code)
        if found is None or found.request.client.client_id != client.client_id:
            raise OAuthRefusal("invalid_grant", "The authorisation code is unknown")
        if found.used:
            if found.family is not None:
                self._tokens.end(found.family, "its authorisation code was presented twice")
            raise OAuthRefusal("invalid_grant", "The authorisation code was already used")
        found.used = True
        if self._clock.now() >= found.expires_at:
            raise OAuthRefusal("invalid_grant", "The authorisation code has expired")
        if redirect_uri != found.request.redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri differs from the authorise request")
        if not _VERIFIER.fullmatch(verifier) or challenge_of(verifier) != found.request.challenge:
            raise OAuthRefusal("invalid_grant", "code_verifier does not match the code challenge")
        found.family = self._tokens.open_family(client.client_id, found.subject, found.request.scope)
        return found.family, self._tokens.issue(found.family)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _error_in(values: dict[str, str], counts: Counter[str], request: ConsentRequest) -> tuple[str, str] | None:
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        return "invalid_request", f"{repeated[0]} is given more than once"
    if not request.state:
        return "invalid_request", "state is required"
    response_type = values.get("response_type", "")
    if response_type != "code":
        return ("unsupported_response_type", "Only code is supported") if response_type else _missing("response_type")
    if not _SCOPE.fullmatch(values.get("scope", "")):
        return "invalid_scope", "scope must name scopes, separated by single spaces"
    foreign = [scope for scope in request.scope if scope not in request.client.config.scopes]
    if foreign:
        return "invalid_scope", f"{foreign[0]} is not registered for this application"
    if values.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    if not _CHALLENGE.fullmatch(request.challenge):
        return "invalid_request", "code_challenge must be 43 characters of unpadded base64url"
    if request.subject and parse_subject(request.subject) is None:
        return "invalid_request", "urn_pleo_params_oauth_subject is not a subject URN"
    return None


def _missing(name: str) -> tuple[str, str]:
    return "invalid_request", f"{name} is required"


def _back(request: ConsentRequest, **parameters: str) -> str:
    if request.state:
        parameters["state"] = request.state
    joiner = "&" if urlsplit(request.redirect_uri).query else "?"
    return f"{request.redirect_uri}{joiner}{urlencode(parameters)}"

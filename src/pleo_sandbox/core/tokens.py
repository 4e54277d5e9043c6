"""Access and refresh tokens: pairs that rotate, families that die together.

A family is one consent. A refresh spends the refresh token, ends every earlier access token and issues a new pair;
a spent or expired refresh token presented again ends the whole family, as Pleo's pages warn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pleo_sandbox.core.clock import Clock
from pleo_sandbox.core.problems import OAuthRefusal, unauthorised
from pleo_sandbox.core.words import new_id, opaque_token


@dataclass
class Family:
    """Everything issued from one consent. ``subject`` is the URN of the company or organisation it opens."""

    id: str
    client_id: str
    subject: str
    scope: tuple[str, ...]
    created_at: datetime
    ended_because: str | None = None
    refreshes: int = 0


@dataclass
class Token:
    """One issued token. ``spent`` marks a rotated refresh token or an access token a refresh has ended."""

    value: str
    kind: str
    family: Family
    issued_at: datetime
    expires_at: datetime
    id: str = field(default_factory=new_id)
    spent: bool = False

    def works(self, now: datetime) -> bool:
        """Whether a call made ``now`` would be let through."""
        return not self.spent and self.family.ended_because is None and now < self.expires_at


@dataclass(frozen=True)
class TokenPair:
    """The answer to a grant; ``expires_in`` in seconds belongs to the access token."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


class Tokens:
    """All tokens ever issued, so that an old one is recognised and not merely unknown."""

    def __init__(self, clock: Clock, access_seconds: int, refresh_seconds: int) -> None:
        self._clock = clock
        self.access_seconds = access_seconds
        self._refresh_seconds = refresh_seconds
        self._tokens: dict[str, Token] = {}
        self.families: dict[str, Family] = {}

    def open_family(self, client_id: str, subject: str, scope: tuple[str, ...]) -> Family:
        """Starts a family; the first pair comes from :meth:`issue`."""
        family = Family(new_id(), client_id, subject, scope, self._clock.now())
        self.families[family.id] = family
        return family

    def issue(self, family: Family) -> TokenPair:
        """A new pair; every earlier access token of the family stops working."""
        now = self._clock.now()
        for token in self._tokens.values():
            if token.family is family:
                token.spent = True
        access = self._add("access_token", family, now, self.access_seconds)
        refresh = self._add("refresh_token", family, now, self._refresh_seconds)
        return TokenPair(access.value, refresh.value, self.access_seconds, " ".join(family.scope))

    def refresh(self, client_id: str, value: str) -> TokenPair:
        """Rotation. Raises ``invalid_grant`` for anything but the one live refresh token of a living family."""
        token = self._tokens.get(value)
        if token is None or token.kind != "refresh_token" or token.family.client_id != client_id:
            raise OAuthRefusal("invalid_grant", "The refresh token is unknown")
        if token.family.ended_because is not None:
            raise OAuthRefusal("invalid_grant", "The authorisation has been revoked")
        if not token.works(self._clock.now()):
            token.family.ended_because = "a spent or expired refresh token was used"
            raise OAuthRefusal("invalid_grant", "The refresh token was already used or has expired")
        token.family.refreshes += 1
        return self.issue(token.family)

    def bearer(self, value: str) -> Family:
        """The family behind a working access token; raises a 401 refusal otherwise."""
        token = self._tokens.get(value)
        if token is None or token.kind != "access_token" or not token.works(self._clock.now()):
            raise unauthorised("The access token is missing, malformed, wrong or expired")
        return token.family

    def look_up(self, client_id: str, value: str) -> Token | None:
        """For introspection: a working token of this client, else ``None``."""
        token = self._tokens.get(value)
        if token is None or token.family.client_id != client_id or not token.works(self._clock.now()):
            return None
        return token

    def end(self, family: Family, because: str) -> None:
        """Revokes everything of one family; the first reason stays."""
        if family.ended_because is None:
            family.ended_because = because

    def end_installation(self, client_id: str, subject: str, because: str) -> int:
        """Revokes every family of one installation and says how many were alive."""
        alive = [
            family
            for family in self.families.values()
            if family.client_id == client_id and family.subject == subject and family.ended_because is None
        ]
        for family in alive:
            self.end(family, because)
        return len(alive)

    def expire_access(self, family: Family) -> int:
        """Lets the live access tokens of a family run out now, leaving its refresh token alone."""
        now, count = self._clock.now(), 0
        for token in self._tokens.values():
            if token.family is family and token.kind == "access_token" and token.works(now):
                token.expires_at = now
                count += 1
        return count

    def _add(self, kind: str, family: Family, now: datetime, seconds: int) -> Token:
        token = Token(opaque_token(), kind, family, now, now + timedelta(seconds=seconds))
        self._tokens[token.value] = token
        return token

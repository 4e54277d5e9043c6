"""Registered OAuth clients: who may ask for consent, where the browser may return to, with which scopes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from pleo_sandbox.config import ALL_SCOPES, ClientConfig
from pleo_sandbox.core.problems import OAuthRefusal
from pleo_sandbox.core.words import is_https_or_local, new_id, opaque_token


@dataclass(frozen=True)
class Client:
    """A registration as Pleo keeps it, with the application id that installations carry."""

    config: ClientConfig
    application_id: str

    @property
    def client_id(self) -> str:
        """The public identifier."""
        return self.config.client_id


class Clients:
    """The register. Registering a known ``client_id`` again changes its settings and keeps its application."""

    def __init__(self, initial: tuple[ClientConfig, ...]) -> None:
        self._clients: dict[str, Client] = {}
        for config in initial:
            self.register(config)

    def register(self, config: ClientConfig) -> Client:
        """Adds or changes a client; ``ValueError`` names what a registration form would refuse."""
        if not config.client_id or not config.client_secret:
            raise ValueError("client_id and client_secret must not be empty")
        for uri in config.redirect_uris:
            if not is_https_or_local(uri) or "*" in uri:
                raise ValueError(f"redirect URI {uri!r} must be HTTPS (HTTP on localhost only), without wildcard")
        unknown = sorted(set(config.scopes) - set(ALL_SCOPES))
        if unknown:
            raise ValueError(f"unknown scopes: {', '.join(unknown)}")
        known = self._clients.get(config.client_id)
        client = Client(config, known.application_id if known else new_id())
        self._clients[config.client_id] = client
        return client

    def all(self) -> list[Client]:
        """Every client in order of registration."""
        return list(self._clients.values())

    def get(self, client_id: str) -> Client | None:
        """One client, if registered."""
        return self._clients.get(client_id)

    def authenticate(self, client_id: str, client_secret: str) -> Client:
        """Client authentication at the token endpoint; raises ``invalid_client`` with status 401."""
        client = self._clients.get(client_id)
        expected = client.config.client_secret if client else opaque_token()
        if not secrets.compare_digest(expected.encode(), client_secret.encode()) or client is None:
            raise OAuthRefusal("invalid_client", "Client authentication failed", 401)
        return client

    def rotate_secret(self, client_id: str) -> str:
        """A new secret that replaces the present one at once; ``KeyError`` for an unknown client."""
        client = self._clients[client_id]
        secret = opaque_token()
        self._clients[client_id] = replace(client, config=replace(client.config, client_secret=secret))
        return secret

"""The service's settings, read once from the environment (`.env.example` documents each). Secrets refuse to print."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledgerbridge.outgoing.addresses import Reach, host_of, reach

DEFAULT_SCOPES = (
    "export-jobs:read export-jobs:write export-items:read accounts:read accounts:write "
    "tag-groups:read tag-groups:write tax-codes:read tax-codes:write vendors:read vendors:write "
    "users:read companies:read"
)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PLEO_REQUESTS_PER_MINUTE = 600
"""The only limit Pleo states; our own ceiling stays below it (LIMIT-001)."""


def is_secure_url(url: str) -> bool:
    """Whether a base URL may carry secrets: HTTPS anywhere, HTTP on loopback only (AUTH-003)."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


class Settings(BaseSettings):
    """Everything the process is told from outside."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = None
    """Unset: an embedded PostgreSQL in `ledgerbridge_data_dir`."""
    ledgerbridge_data_dir: Path = Path(".ledgerbridge")
    public_url: str = "http://127.0.0.1:8080"
    """Where browsers and Pleo reach this service; no trailing slash."""

    pleo_auth_url: str = "https://auth.staging.pleo.io"
    pleo_api_url: str = "https://external.staging.pleo.io"
    pleo_client_id: str = ""
    pleo_client_secret: SecretStr = SecretStr("")
    pleo_client_auth: Literal["basic", "body"] = "basic"
    """How the client authenticates at the token endpoint; `body` only if Pleo asks for it (AUTH-032)."""
    pleo_scopes: str = DEFAULT_SCOPES
    pleo_event_types: Annotated[tuple[str, ...], NoDecode] = ("v1.export-job.created", "v1.vendor.created")
    pleo_requests_per_minute: Annotated[int, Field(ge=2)] = 500
    """Pleo allows 600; only a stand-in for Pleo on this machine may be given more (LIMIT-001)."""

    encryption_keys: SecretStr = SecretStr("")
    """Comma list of URL-safe base64 of 32 bytes: the first encrypts, all decrypt."""
    admin_tokens: SecretStr = SecretStr("")
    """Comma list of `name:sha256hex`."""

    oidc_issuer: str = ""
    """The operations team's own OpenID Connect provider, as it names itself; empty: `/admin` opens by token only."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    """Empty for a client without one, which PKCE protects alone."""
    oidc_scopes: str = "openid email"
    oidc_admins: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma list of e-mail addresses that the provider has verified, and of `group:name`: who may sign in."""
    oidc_groups_claim: str = "groups"
    """Where the provider lists somebody's groups."""

    erp_private_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma list of hosts and networks: ERPs at private addresses that may be called. Empty: public addresses only."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma list of addresses and networks of our own reverse proxies, whose word on a caller's address we take."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    host: str = "127.0.0.1"
    port: int = 8080

    export_poll_seconds: Annotated[float, Field(gt=0)] = 180
    """How often Pleo is asked for the export jobs of a company, besides its webhooks."""
    export_poll_longest_seconds: Annotated[float, Field(gt=0)] = 1800
    """The same of a company whose webhooks have shown that they can be relied on; never less than the other."""
    vendor_poll_seconds: Annotated[float, Field(gt=0)] = 900
    """How often Pleo is asked for drafts of vendors that no webhook told of."""
    rescue_seconds: Annotated[float, Field(gt=0)] = 60
    """A dead worker's work is taken over within this."""

    @field_validator("public_url", "pleo_auth_url", "pleo_api_url")
    @classmethod
    def _base(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        parts = urlsplit(value)
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError("must be a base URL such as https://example.com")
        if not is_secure_url(value):
            raise ValueError("must use https (http only on localhost)")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        # Compared byte for byte with what the provider says of itself: a slash at the end belongs to the name.
        value = value.strip()
        parts = urlsplit(value)
        if value and (not parts.hostname or parts.query or parts.fragment or parts.username):
            raise ValueError("must be the provider's issuer, such as https://login.example.com")
        if value and not is_secure_url(value):
            raise ValueError("must use https (http only on localhost)")
        if value:
            host_of(parts.hostname or "")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _oidc_scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must contain openid")
        return " ".join(value.split())

    @field_validator("oidc_admins")
    @classmethod
    def _oidc_admins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            kind, mark, name = entry.partition(":")
            if not (mark and kind == "group" and name.strip()) and not re.fullmatch(r"[^@\s:]+@[^@\s]+", entry):
                raise ValueError(f"{entry} is neither an e-mail address nor group:name")
        # Addresses are compared without regard to case, as people write them.
        return tuple(entry if entry.startswith("group:") else entry.lower() for entry in value)

    @property
    def oidc_configured(self) -> bool:
        """Whether administrators may sign in by the provider."""
        return bool(self.oidc_issuer and self.oidc_client_id and self.oidc_admins)

    @field_validator("pleo_requests_per_minute")
    @classmethod
    def _requests(cls, value: int, info: ValidationInfo) -> int:
        hosts = {urlsplit(info.data.get(name, "")).hostname for name in ("pleo_auth_url", "pleo_api_url")}
        if value > PLEO_REQUESTS_PER_MINUTE and not hosts <= LOOPBACK:
            raise ValueError(f"must be at most {PLEO_REQUESTS_PER_MINUTE}, which is all that Pleo allows")
        return value

    @field_validator("pleo_event_types", "erp_private_networks", "trusted_proxies", "oidc_admins", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("erp_private_networks")
    @classmethod
    def _private_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        reach(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            try:
                ipaddress.ip_network(entry)
            except ValueError:
                raise ValueError(f"{entry} is no address and no network such as 10.0.0.0/24") from None
        return value

    def erp_reach(self, *, local: bool) -> Reach:
        """Where ERPs may be; `local` also opens this machine, beside a sandbox."""
        return reach(self.erp_private_networks, local=local)

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The encryption keys, decoded. Raises `ValueError` naming the position of a bad one, never its value."""
        found = []
        for position, part in enumerate(self.encryption_keys.get_secret_value().split(","), 1):
            if not part.strip():
                continue
            try:
                key = base64.urlsafe_b64decode(part.strip() + "=" * (-len(part.strip()) % 4))
            except (binascii.Error, ValueError):
                raise ValueError(f"ENCRYPTION_KEYS: key {position} is not URL-safe base64") from None
            if len(key) != 32:
                raise ValueError(f"ENCRYPTION_KEYS: key {position} has {len(key)} bytes, not 32")
            found.append(key)
        return tuple(found)

    @cached_property
    def admins(self) -> dict[str, bytes]:
        """Administrator names to the SHA-256 of their token. Raises `ValueError` naming a bad entry."""
        found: dict[str, bytes] = {}
        for position, part in enumerate(self.admin_tokens.get_secret_value().split(","), 1):
            if not part.strip():
                continue
            name, _, digest = part.strip().partition(":")
            try:
                raw = bytes.fromhex(digest)
            except ValueError:
                raw = b""
            if not name or len(raw) != hashlib.sha256().digest_size:
                raise ValueError(f"ADMIN_TOKENS: entry {position} is not name:sha256hex")
            found[name] = raw
        return found

    def admin_named(self, token: str) -> str | None:
        """The administrator a bearer token belongs to, compared by hash in constant time; None if nobody's."""
        digest = hashlib.sha256(token.encode()).digest()
        matches = [name for name, known in self.admins.items() if hmac.compare_digest(known, digest)]
        return matches[0] if matches else None

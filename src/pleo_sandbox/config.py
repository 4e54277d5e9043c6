"""What a sandbox starts with: OAuth clients, companies, and the numbers Pleo does not publish."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

EXPORT_SCOPES = ("export-jobs:read", "export-jobs:write", "export-items:read")
ALL_SCOPES = (
    "accounts:read",
    "accounts:write",
    "companies:read",
    *EXPORT_SCOPES,
    "tag-groups:read",
    "tag-groups:write",
    "tax-codes:read",
    "tax-codes:write",
    "users:read",
    "users:write",
    "vendors:read",
    "vendors:write",
)

DEMO_COMPANY_ID = "5f0c9a52-6c1e-4b8a-9b7e-0d6a4f2c1e11"
SECOND_COMPANY_ID = "8a2d7b10-3f4e-4d55-8c1b-7e9f60a1b222"
THIRD_COMPANY_ID = "c3e41f9d-52b7-4a0c-a6d8-1b2c3d4e5333"
ORGANISATION_ID = "0a9b8c7d-6e5f-4a3b-8c1d-2e3f4a5b6c7d"

DEFAULT_CLIENT_ID = "12a3b456-78c9-4d12-93f4-f567ab8cde9f"
# Carries characters that change under form-encoding, as RFC 6749 section 2.3.1 asks for before Basic is applied.
DEFAULT_CLIENT_SECRET = "sandbox/secret+with%odd:characters"  # noqa: S105


@dataclass(frozen=True)
class ClientConfig:
    """One registered OAuth client (one application)."""

    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = DEFAULT_CLIENT_SECRET
    name: str = "Ledgerbridge"
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:8080/oauth/callback", "http://localhost:8080/oauth/callback")
    scopes: tuple[str, ...] = ALL_SCOPES
    initiation_uri: str = "http://127.0.0.1:8080/connect"
    settings_uri: str = "http://127.0.0.1:8080/settings"
    needs_activation: bool = True


@dataclass(frozen=True)
class CompanyConfig:
    """One Pleo company. ``contra_accounts`` maps wallet currencies to ERP codes as set in Pleo's settings."""

    id: str
    name: str
    default_currency: str = "DKK"
    registration_number: str = "12345678"
    country: str = "DK"
    contra_accounts: Mapping[str, str] = field(default_factory=lambda: {"DKK": "1.1.1"})


_COMPANIES = (
    CompanyConfig(DEMO_COMPANY_ID, "Demo ApS", registration_number="41414141"),
    CompanyConfig(SECOND_COMPANY_ID, "Nordlys Kaffe ApS", registration_number="42424242"),
    CompanyConfig(
        THIRD_COMPANY_ID,
        "Zweig & Söhne GmbH",
        default_currency="EUR",
        registration_number="HRB 43434",
        country="DE",
        contra_accounts={"EUR": "1.1.1"},
    ),
)


@dataclass(frozen=True)
class SandboxConfig:
    """Everything a fresh or reset sandbox begins with; durations in seconds."""

    clients: tuple[ClientConfig, ...] = (ClientConfig(),)
    companies: tuple[CompanyConfig, ...] = _COMPANIES
    organisation_id: str = ORGANISATION_ID
    organisation_name: str = "Demo Group"
    access_token_seconds: int = 900
    refresh_token_seconds: int = 60 * 86400
    code_seconds: int = 60
    job_seconds: int = 3600
    page_cap: int = 25
    file_url_seconds: int = 86400
    webhook_retry_seconds: tuple[float, ...] = (0, 0.5, 2, 5)
    webhook_timeout_seconds: float = 15
    requests_per_minute: int = 0  # 0: no limit; Pleo's one published figure is 600
    minute_seconds: float = 60  # how long a minute of that limit lasts

    def __post_init__(self) -> None:
        if self.page_cap < 1:
            raise ValueError("page_cap must be at least 1")
        if not self.webhook_retry_seconds:
            raise ValueError("webhook_retry_seconds needs at least one attempt")


def config_from_environment(environ: Mapping[str, str] | None = None) -> SandboxConfig:
    """The default configuration with ``PLEO_SANDBOX_*`` variables laid over its first client and its numbers."""
    env = os.environ if environ is None else environ
    base = ClientConfig()
    redirect_uris = tuple(uri for uri in env.get("PLEO_SANDBOX_REDIRECT_URIS", "").split(",") if uri)
    client = ClientConfig(
        client_id=env.get("PLEO_SANDBOX_CLIENT_ID", base.client_id),
        client_secret=env.get("PLEO_SANDBOX_CLIENT_SECRET", base.client_secret),
        name=env.get("PLEO_SANDBOX_CLIENT_NAME", base.name),
        redirect_uris=redirect_uris or base.redirect_uris,
        initiation_uri=env.get("PLEO_SANDBOX_INITIATION_URI", base.initiation_uri),
        settings_uri=env.get("PLEO_SANDBOX_SETTINGS_URI", base.settings_uri),
    )
    retries = env.get("PLEO_SANDBOX_WEBHOOK_RETRY_SECONDS")
    defaults = SandboxConfig()
    return SandboxConfig(
        clients=(client,),
        access_token_seconds=int(env.get("PLEO_SANDBOX_ACCESS_TOKEN_SECONDS", defaults.access_token_seconds)),
        job_seconds=int(env.get("PLEO_SANDBOX_JOB_SECONDS", defaults.job_seconds)),
        page_cap=int(env.get("PLEO_SANDBOX_PAGE_CAP", defaults.page_cap)),
        webhook_retry_seconds=(
            tuple(float(part) for part in retries.split(",")) if retries else defaults.webhook_retry_seconds
        ),
        requests_per_minute=int(env.get("PLEO_SANDBOX_REQUESTS_PER_MINUTE", defaults.requests_per_minute)),
        minute_seconds=float(env.get("PLEO_SANDBOX_MINUTE_SECONDS", defaults.minute_seconds)),
    )

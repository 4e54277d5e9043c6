"""Looks at the configuration and says what to fix: `ledgerbridge doctor`.

Each check returns findings; an error means that the service cannot work or must not go live like this. Nothing is
changed, and no value of a secret is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from ledgerbridge.pleo.endpoints import PleoEndpoints, is_local
from ledgerbridge.settings import DEFAULT_SCOPES, Settings

NEW_KEY = 'python -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
NEW_ADMIN = (
    'python -c "import hashlib, secrets; t = secrets.token_urlsafe(32); '
    "print('token', t); print('ada:' + hashlib.sha256(t.encode()).hexdigest())\""
)
_EXPORT_SCOPES = ("export-jobs:read", "export-jobs:write", "export-items:read")
_KNOWN_EVENTS = ("v1.export-job.created", "v1.vendor.created")
_SLOWEST_POLL = 600
_SLOWEST_RELIED_ON = 2400


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Works, but somebody should know."""
    ERROR = "error"
    """Does not work, or must not go live like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw."""

    level: Level
    check: str
    """The variable or thing looked at."""
    text: str
    fix: str = ""
    """What to do; empty when all is well."""


def ok(check: str, text: str) -> Finding:
    return Finding(Level.OK, check, text)


def warning(check: str, text: str, fix: str) -> Finding:
    return Finding(Level.WARNING, check, text, fix)


def error(check: str, text: str, fix: str) -> Finding:
    return Finding(Level.ERROR, check, text, fix)


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether no finding is an error."""
    return all(found.level is not Level.ERROR for found in findings)


def settings_faults(invalid: ValidationError) -> list[tuple[str, str]]:
    """Variable names and sentences of settings that could not be read, values left out."""
    return [
        (
            ".".join(str(part) for part in one["loc"]).upper() or "SETTINGS",
            str(one["msg"]).removeprefix("Value error, "),
        )
        for one in invalid.errors(include_url=False, include_input=False, include_context=False)
    ]


def unreadable(invalid: ValidationError) -> list[Finding]:
    """The findings when the settings cannot even be read."""
    return [error(name, text, f"Correct {name}; .env.example describes it.") for name, text in settings_faults(invalid)]


def inspect_settings(settings: Settings) -> list[Finding]:
    """Everything that can be told from the settings alone."""
    return [
        *_pleo_pair(settings),
        *_pleo_client(settings),
        *_scopes(settings),
        *_events(settings),
        *_encryption_keys(settings),
        *_admin_tokens(settings),
        *_openid(settings),
        *_public_url(settings),
        *_database_choice(settings),
        *_habits(settings),
    ]


def endpoints(settings: Settings) -> PleoEndpoints:
    """The configured pair of Pleo hosts."""
    return PleoEndpoints(settings.pleo_auth_url, settings.pleo_api_url)


def _pleo_pair(settings: Settings) -> list[Finding]:
    pair = endpoints(settings)
    if faults := pair.faults():
        fix = "Set PLEO_AUTH_URL and PLEO_API_URL to the two hosts of one environment, as in .env.example."
        return [error("PLEO_AUTH_URL, PLEO_API_URL", fault, fix) for fault in faults]
    where = {"production": "Pleo's production", "staging": "Pleo's staging", "custom": "an environment of your own"}
    return [ok("PLEO_AUTH_URL, PLEO_API_URL", f"Both hosts belong to {where[pair.environment]}.")]


def _pleo_client(settings: Settings) -> list[Finding]:
    missing = [
        name
        for name, value in (
            ("PLEO_CLIENT_ID", settings.pleo_client_id),
            ("PLEO_CLIENT_SECRET", settings.pleo_client_secret.get_secret_value()),
        )
        if not value.strip()
    ]
    environment = endpoints(settings).environment
    fix = f"Set what Pleo issued for this environment ({environment}); credentials of another one do not work."
    return [error(name, "Not set: no company can connect.", fix) for name in missing] or [
        ok("PLEO_CLIENT_ID, PLEO_CLIENT_SECRET", "Set.")
    ]


def _scopes(settings: Settings) -> list[Finding]:
    wanted = settings.pleo_scopes.split()
    if lacking := [scope for scope in _EXPORT_SCOPES if scope not in wanted]:
        fix = "Add them to PLEO_SCOPES; without them exports can neither be announced nor worked."
        return [error("PLEO_SCOPES", f"Lacks {', '.join(lacking)}.", fix)]
    if lacking := [scope for scope in DEFAULT_SCOPES.split() if scope not in wanted]:
        fix = "Add them once Pleo has registered them for this client, or leave what needs them switched off."
        return [warning("PLEO_SCOPES", f"Lacks {', '.join(lacking)}.", fix)]
    return [ok("PLEO_SCOPES", f"{len(wanted)} scopes, all that the product uses.")]


def _events(settings: Settings) -> list[Finding]:
    if _KNOWN_EVENTS[0] not in settings.pleo_event_types:
        fix = f"Add {_KNOWN_EVENTS[0]}; exports are found by polling only until then."
        return [warning("PLEO_EVENT_TYPES", "Export jobs are not announced.", fix)]
    if odd := [name for name in settings.pleo_event_types if name not in _KNOWN_EVENTS]:
        return [warning("PLEO_EVENT_TYPES", f"Names unknown events: {', '.join(odd)}.", "They will only be parked.")]
    return [ok("PLEO_EVENT_TYPES", ", ".join(settings.pleo_event_types))]


def _encryption_keys(settings: Settings) -> list[Finding]:
    name = "ENCRYPTION_KEYS"
    try:
        keys = settings.keys
    except ValueError as fault:
        return [error(name, str(fault).removeprefix(f"{name}: "), f"Make a key with: {NEW_KEY}")]
    if not keys:
        return [error(name, "Not set: nothing can be stored safely.", f"Make a key with: {NEW_KEY}")]
    if any(len(set(key)) < 8 for key in keys):
        return [error(name, "A key is not random.", f"Replace it by one made with: {NEW_KEY}")]
    if len(set(keys)) < len(keys):
        return [warning(name, "The same key stands there twice.", "Remove one of the two.")]
    return [ok(name, "1 key." if len(keys) == 1 else f"{len(keys)} keys; the first encrypts, all decrypt.")]


def _admin_tokens(settings: Settings) -> list[Finding]:
    name = "ADMIN_TOKENS"
    try:
        admins = settings.admins
    except ValueError as fault:
        return [error(name, str(fault).removeprefix(f"{name}: "), f"Make an entry with: {NEW_ADMIN}")]
    if not admins:
        return [warning(name, "Not set: the admin API is closed to everybody.", f"Make an entry with: {NEW_ADMIN}")]
    if weak := [who for who, digest in admins.items() if digest in _guessable(who)]:
        fix = f"Make a random token with: {NEW_ADMIN}"
        return [error(name, f"The token of {', '.join(weak)} can be guessed.", fix)]
    if len(set(admins.values())) < len(admins):
        return [warning(name, "Two administrators share a token; the audit log cannot tell them apart.", "Split it.")]
    return [ok(name, f"{len(admins)} administrator{'' if len(admins) == 1 else 's'}: {', '.join(admins)}.")]


def _guessable(name: str) -> set[bytes]:
    words = ("", name, name.lower(), "admin", "password", "secret", "token", "test", "changeme", "change-me")
    return {hashlib.sha256(word.encode()).digest() for word in words}


def _openid(settings: Settings) -> list[Finding]:
    given = {
        "OIDC_ISSUER": settings.oidc_issuer,
        "OIDC_CLIENT_ID": settings.oidc_client_id,
        "OIDC_ADMINS": settings.oidc_admins,
    }
    if not any(given.values()):
        return []
    if missing := [name for name, value in given.items() if not value]:
        text = f"{', '.join(missing)} not set: nobody can sign in by the provider."
        return [warning("OIDC_ISSUER", text, "Set all three as in .env.example, or none.")]
    back = f"{settings.public_url}/admin/sign-in/back"
    return [ok("OIDC_ISSUER", f"{settings.oidc_issuer} lets in {len(settings.oidc_admins)}; it must know {back}.")]


def _public_url(settings: Settings) -> list[Finding]:
    name, url = "PUBLIC_URL", settings.public_url
    if not is_local(url) and url.startswith("https://"):
        return [ok(name, url)]
    fix = "Set the public https address; register it at Pleo as in .env.example."
    match endpoints(settings).environment:
        case "production":
            return [error(name, f"{url} is this machine: Pleo can deliver no webhook and redirect no customer.", fix)]
        case "staging":
            return [warning(name, f"{url} is this machine: Pleo can deliver no webhook; exports are only polled.", fix)]
        case _:
            return [ok(name, f"{url} (local use)")]


def _database_choice(settings: Settings) -> list[Finding]:
    if settings.database_url is not None:
        return []
    if endpoints(settings).environment == "production":
        fix = "Set DATABASE_URL to a PostgreSQL server that is backed up."
        return [warning("DATABASE_URL", "Not set: production data would live in the embedded PostgreSQL.", fix)]
    return [ok("DATABASE_URL", f"Not set: the embedded PostgreSQL in {settings.ledgerbridge_data_dir} is used.")]


def _habits(settings: Settings) -> list[Finding]:
    found = []
    if settings.export_poll_seconds > _SLOWEST_POLL:
        fix = "Keep it at a few minutes: a job that no webhook announced expires while nobody looks."
        found.append(warning("EXPORT_POLL_SECONDS", f"{settings.export_poll_seconds:g} is slow.", fix))
    if settings.export_poll_longest_seconds > _SLOWEST_RELIED_ON:
        fix = "Keep it at half an hour: a job whose webhook is lost expires after one, and has to be worked by then."
        found.append(warning("EXPORT_POLL_LONGEST_SECONDS", f"{settings.export_poll_longest_seconds:g} is slow.", fix))
    if settings.log_level == "DEBUG" and endpoints(settings).environment == "production":
        found.append(warning("LOG_LEVEL", "DEBUG in production is a lot of log.", "Set INFO."))
    return found


def as_json(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """The findings for machines."""
    return {
        "ok": healthy(findings),
        "findings": [
            {"level": found.level.value, "check": found.check, "text": found.text, "fix": found.fix or None}
            for found in findings
        ],
    }


def as_text(findings: Sequence[Finding]) -> str:
    """The findings for people, faults last so that they end beside the prompt."""
    order = [Level.OK, Level.WARNING, Level.ERROR]
    lines = []
    for found in sorted(findings, key=lambda one: order.index(one.level)):
        lines.append(f"{found.level.value.upper():<8} {found.check}: {found.text}")
        if found.fix:
            lines.append(f"{'':<8} -> {found.fix}")
    errors = sum(found.level is Level.ERROR for found in findings)
    warnings = sum(found.level is Level.WARNING for found in findings)
    lines.append(f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}")
    return "\n".join(lines)

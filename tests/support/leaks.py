"""Looks for secrets where none may be: logs, answers, and the clear text of the database."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus

import psycopg
from psycopg import sql

from pleo_sandbox.core.world import World

_PATH = re.compile(r"/webhooks/pleo/([A-Za-z0-9_-]+)")


def of_pleo(world: World) -> dict[str, str]:
    """Every secret Pleo ever gave to the service, each with a name for it."""
    found = {f"{token.kind} {token.id}": token.value for token in world.tokens._tokens.values()}
    for client in world.clients.all():
        encoded = f"{quote_plus(client.client_id)}:{quote_plus(client.config.client_secret)}"
        found |= {
            "client secret": client.config.client_secret,
            "client secret, encoded": quote_plus(client.config.client_secret),
            "client authentication": base64.b64encode(encoded.encode()).decode(),
        }
    for subscription in world.subscriptions.all():
        for number, secret in enumerate([subscription.secret, *(old for old, _ in subscription.old_secrets)]):
            found[f"webhook secret {number} of {subscription.id}"] = secret.removeprefix("whsec_")
    for request in list(world.recorder.requests):
        if request.path == "/v1/subscriptions" and (path := _PATH.search(request.body)):
            found[f"webhook path {request.number}"] = path[1]
    return found


def in_texts(secrets: Mapping[str, str], texts: Iterable[tuple[str, str]]) -> list[str]:
    """`place: secret` for every secret that stands in a text; the secrets' names, not their values."""
    return [f"{place}: {name}" for place, text in texts for name, value in secrets.items() if value and value in text]


def database_text(url: str) -> Iterable[tuple[str, str]]:
    """Every table as text; sealed columns show as hexadecimal of ciphertext."""
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall():
            rows = connection.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table)))
            yield table, "\n".join(str(row[0]) for row in rows)


def fingerprint(url: str) -> dict[str, str]:
    """The content of every table that holds business, to compare before and after.

    Left out is what moves by itself while the service runs: the queue's own tables, leases, the budget of calls, due
    times of syncs, what the checks of the invariants found, how many calls there were and how many deliveries were
    refused.
    """
    moving = ("leases", "rate_budgets", "sync_schedules", "invariant_checks", "call_minutes", "delivery_refusals")
    return {
        table: text
        for table, text in database_text(url)
        if table not in moving and not table.startswith("procrastinate_")
    }

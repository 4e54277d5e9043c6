"""Credentials, and walls between companies (statements 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ledgerbridge.ops.invariants.invariant import Invariant
from ledgerbridge.store.tables import Base

ACTIVE_HAS_CREDENTIAL = Invariant(
    name="active-has-credential",
    number=6,
    statement="An active company has exactly the credential its way of connecting needs.",
    alert="An active company cannot be worked for want of a credential: it must press Connect again.",
    broken="""
        select c.id || ' ' || c.auth_method as sample
        from connections c left join credentials k on k.connection_id = c.id
        where c.status = 'active' and case c.auth_method
            when 'api_key' then k.api_key_sealed is null
            else k.refresh_token_sealed is null or k.access_token_sealed is null or k.expires_at is null
          end
    """,
)

CREDENTIAL_FRESH = Invariant(
    name="credential-fresh",
    number=6,
    statement="A token pair is renewed when it is due, and every pair before it is too old to be renewed.",
    alert="Tokens are not renewed: look whether Pleo's token endpoint answers, before the grants run out.",
    # An active company is asked for export jobs every few minutes, and each time a token that is due is renewed first.
    broken="""
        select c.id::text as sample
        from connections c join credentials k on k.connection_id = c.id
        where k.refresh_token_sealed is not null and c.status in ('active', 'paused', 'setting_up')
          and ((c.status = 'active' and k.expires_at < now() - make_interval(mins => :minutes))
               or k.refreshed_at < now() - make_interval(days => :days)
               or k.refresh_until > clock_timestamp() + make_interval(mins => :claim_minutes))
    """,
    values={"minutes": 60, "days": 33, "claim_minutes": 5},
)

ENDED_HOLDS_NO_SECRET = Invariant(
    name="ended-holds-no-secret",
    number=7,
    statement="Of a company that has gone, or whose grant ended, nothing is kept that opens Pleo or its ERP.",
    alert="Secrets of a company that has left are still stored: wipe them as its page in the runbook says.",
    broken="""
        select c.id || ' credentials' as sample
        from connections c join credentials k on k.connection_id = c.id
        where c.status in ('disconnected', 'reconnect_needed')
          and coalesce(k.access_token_sealed, k.refresh_token_sealed, k.api_key_sealed) is not null
        union all
        select c.id || ' erp_bindings'
        from connections c join erp_bindings b on b.connection_id = c.id
        where c.status = 'disconnected' and b.settings_sealed is not null
        union all
        select c.id || ' subscriptions'
        from connections c join subscriptions s on s.connection_id = c.id
        where c.status = 'disconnected' and s.secret_sealed is not null
        union all
        select c.id || ' browser_sessions'
        from connections c join browser_sessions s on s.connection_id = c.id
        where c.status = 'disconnected' and s.expires_at > now()
    """,
)


def _owned(table: Table) -> bool:
    return "connection_id" in table.columns


def _strangers() -> Iterator[str]:
    """A query for every reference between two tables of companies: both ends must be one company's."""
    for table in Base.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda each: each.parent.name):
            target = key.column.table
            if _owned(table) and _owned(target) and key.parent.name != "connection_id":
                yield (
                    f"select '{table.name}.{key.parent.name} ' || child.{key.parent.name} || ' of ' "  # noqa: S608
                    f"|| child.connection_id as sample from {table.name} child join {target.name} owner "
                    f"on owner.{key.column.name} = child.{key.parent.name} "
                    "where child.connection_id <> owner.connection_id"
                )


ROWS_OF_ONE_COMPANY = Invariant(
    name="rows-of-one-company",
    number=7,
    statement="A row of one company refers to rows of the same company only, and no delivery of another is worked.",
    alert="Data of two companies is mixed up: stop the workers, and find out whose data went where.",
    broken="\nunion all\n".join(
        [
            *_strangers(),
            """
            select 'export_items.posting_id ' || p.id || ' of another entry of ' || i.connection_id
            from export_items i join postings p on p.id = i.posting_id
            where p.accounting_entry_id <> i.accounting_entry_id
            """,
            """
            select 'webhook_deliveries.company_id ' || d.id || ' of ' || d.connection_id
            from webhook_deliveries d join connections c on c.id = d.connection_id
            where d.status in ('queued', 'done') and lower(d.company_id) <> lower(c.company_id)
            """,
        ]
    ),
    deep=True,
)


def _columns(*kinds: type[Any]) -> Iterator[Column[Any]]:
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, kinds):
                yield column


def _row(column: Column[Any]) -> str:
    """What names a row in a sample; keys that are hashes of secrets name nothing."""
    keys = [key.name for key in column.table.primary_key.columns if not isinstance(key.type, LargeBinary)]
    return " || ' ' || ".join([f"'{column.table.name}.{column.name}'", *(f'"{key}"' for key in keys)])


_SHORTEST = 37
"""Bytes of a sealed text without a letter: version, key id, nonce and tag (`store.vault`)."""

SECRETS_SEALED = Invariant(
    name="secrets-sealed",
    number=7,
    statement="Every value in a sealed column is sealed.",
    alert="A secret is stored in clear text: find out which code wrote it, seal it, and renew that secret.",
    broken="\nunion all\n".join(
        f"select {_row(column)} as sample from {column.table.name} "  # noqa: S608
        f"where length({column.name}) < :shortest or get_byte({column.name}, 0) <> 1"
        for column in _columns(LargeBinary)
        if column.name.endswith("_sealed")
    ),
    values={"shortest": _SHORTEST},
)

# A bearer token, a JSON Web Token, a URL with a password, a private key, a field named like a secret with a value.
_SENSITIVE = (
    r"bearer\s+[a-z0-9._~+/=-]{20,}"
    r"|eyj[a-z0-9_-]{10,}\.[a-z0-9_-]{10,}\."
    r"|[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@*]+@"
    r"|-----begin [a-z ]*private key"
    r"|\"(access_token|refresh_token|client_secret|api_key|password)\":\s*\"[^\"*]{8,}"
)
_CUSTOMERS_OWN = frozenset({("export_items", "payload")})
"""What the customer's people wrote is theirs; it is dropped when its job is closed."""

NO_SECRET_IN_CLEAR = Invariant(
    name="no-secret-in-clear",
    number=7,
    statement="No text or JSON column holds anything that looks like a secret.",
    alert="Something like a secret stands in a readable column: look at it, remove it, and renew that secret.",
    broken="\nunion all\n".join(
        [
            *(
                f'select {_row(column)} as sample from {column.table.name} where "{column.name}"::text ~* :secret'  # noqa: S608
                for column in _columns(Text, JSONB)
                if (column.table.name, column.name) not in _CUSTOMERS_OWN
            ),
            "select 'procrastinate_jobs.args ' || id from procrastinate_jobs where args::text ~* :secret",
        ]
    ),
    values={"secret": _SENSITIVE},
    deep=True,
)

CHECKS = (
    ACTIVE_HAS_CREDENTIAL,
    CREDENTIAL_FRESH,
    ENDED_HOLDS_NO_SECRET,
    ROWS_OF_ONE_COMPANY,
    SECRETS_SEALED,
    NO_SECRET_IN_CLEAR,
)

"""Levels 2 to 4: syncs, pairs of vendors, and accounts payable."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


STATEMENTS = [
    "alter table leases add column scope text default 'exports' not null",
    "alter table leases drop constraint pk_leases",
    "alter table leases add constraint pk_leases primary key (connection_id, scope)",
    "alter table rate_budgets add column urgent_until timestamptz",
    "alter table rate_budgets add column paused_until timestamptz",
    "alter table connections add column activating_since timestamptz",
    "alter table connections add column activating_by text",
    "alter table connections add column activation_refusal jsonb",
    "alter table postings add column document text default 'journal_entry' not null",
    "alter table postings add column moved_from text",
    "alter table erp_bindings add column limits text",
    """
        create table sync_schedules (
            connection_id uuid not null,
            kind text not null,
            next_due_at timestamptz,
            config_version integer not null,
            drafts_due_at timestamptz,
            last_started_at timestamptz,
            last_success_at timestamptz,
            failing_since timestamptz,
            failures integer default 0 not null,
            warned_at timestamptz,
            switched_off_at timestamptz,
            switched_off_reason text,
            note text,
            constraint pk_sync_schedules primary key (connection_id, kind),
            constraint ck_sync_schedules_kind_known check (kind in ('tags', 'accounts', 'tax_codes', 'vendors')),
            constraint fk_sync_schedules_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    "create index ix_sync_schedules_due on sync_schedules (next_due_at) where switched_off_at is null",
    """
        create table sync_runs (
            id uuid not null,
            connection_id uuid not null,
            kind text not null,
            trigger text not null,
            "only" text,
            status text not null,
            started_at timestamptz default now() not null,
            ended_at timestamptz,
            created integer default 0 not null,
            updated integer default 0 not null,
            unarchived integer default 0 not null,
            archived integer default 0 not null,
            unchanged integer default 0 not null,
            skipped integer default 0 not null,
            failed integer default 0 not null,
            calls integer default 0 not null,
            failure text,
            reason text,
            problems jsonb default '[]' not null,
            problems_left_out integer default 0 not null,
            to_archive integer,
            held jsonb,
            archive_allowed integer,
            allowed_by text,
            constraint pk_sync_runs primary key (id),
            constraint ck_sync_runs_kind_known check (kind in ('tags', 'accounts', 'tax_codes', 'vendors')),
            constraint ck_sync_runs_status_known
                check (
                    status in ('running', 'succeeded', 'with_failures', 'needs_confirmation', 'failed', 'interrupted')
                ),
            constraint fk_sync_runs_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    "create index ix_sync_runs_connection_id_started_at on sync_runs (connection_id, started_at)",
    "create index ix_sync_runs_running on sync_runs (connection_id) where status = 'running'",
    """
        create table vendor_links (
            id uuid not null,
            connection_id uuid not null,
            pleo_id text not null,
            erp_id text,
            code text,
            merged_into text,
            phase text not null,
            erp_digest text,
            pleo_digest text,
            note text,
            writes integer default 0 not null,
            writes_since timestamptz,
            created_at timestamptz default now() not null,
            updated_at timestamptz default now() not null,
            constraint pk_vendor_links primary key (id),
            constraint uq_vendor_links_connection_id_pleo_id unique (connection_id, pleo_id),
            constraint ck_vendor_links_phase_known check (phase in ('pending', 'linked', 'parked', 'broken', 'ended')),
            constraint fk_vendor_links_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    "create index ix_vendor_links_connection_id_erp_id on vendor_links (connection_id, erp_id)",
    "create index ix_vendor_links_open on vendor_links (connection_id) where phase in ('pending', 'parked')",
    """
        create table mapping_warnings (
            id uuid not null,
            connection_id uuid not null,
            kind text not null,
            code text not null,
            used_by text not null,
            text text not null,
            seen_at timestamptz default now() not null,
            resolved_at timestamptz,
            constraint pk_mapping_warnings primary key (id),
            constraint ck_mapping_warnings_kind_known check (kind in ('tags', 'accounts', 'tax_codes', 'vendors')),
            constraint fk_mapping_warnings_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create unique index uq_mapping_warnings_open
            on mapping_warnings (connection_id, kind, code, used_by) where resolved_at is null
    """,
    """
        create table settlements (
            posting_id uuid not null,
            connection_id uuid not null,
            side text not null,
            vendor_id text not null,
            number text,
            amount text not null,
            currency text not null,
            reconciliation_id text not null,
            settles jsonb default '[]' not null,
            own_payment boolean default false not null,
            state text not null,
            group_id uuid,
            tried_at timestamptz,
            settled_at timestamptz,
            constraint pk_settlements primary key (posting_id),
            constraint ck_settlements_side_known check (side in ('bill', 'credit_note', 'payment', 'returned')),
            constraint ck_settlements_state_known check (state in ('open', 'settled', 'reopened', 'undone')),
            constraint fk_settlements_posting_id foreign key(posting_id) references postings (id),
            constraint fk_settlements_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create index ix_settlements_open
            on settlements (connection_id, vendor_id) where state in ('open', 'reopened')
    """,
    "create index ix_settlements_group_id on settlements (group_id)",
]

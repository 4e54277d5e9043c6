"""The console: set-up that can be left and resumed, administrators' sessions, replayed deliveries, reversed postings,
counts of a job's items that cost the same for ten and for a hundred thousand, calls by the minute for charts, refused
deliveries, and why queued work failed."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


STATEMENTS = [
    """
        create table setup_drafts (
            connection_id uuid not null,
            body jsonb default '{}' not null,
            step text,
            settings_sealed bytea,
            updated_at timestamptz default now() not null,
            updated_by text not null,
            constraint pk_setup_drafts primary key (connection_id),
            constraint fk_setup_drafts_connection_id foreign key (connection_id) references connections (id)
        )
    """,
    """
        create table admin_sessions (
            token_hash bytea not null,
            name text not null,
            method text not null,
            credential bytea,
            created_at timestamptz default now() not null,
            last_seen_at timestamptz not null,
            expires_at timestamptz not null,
            constraint pk_admin_sessions primary key (token_hash),
            constraint ck_admin_sessions_method_known check (method in ('token', 'oidc'))
        )
    """,
    "create index ix_admin_sessions_expires_at on admin_sessions (expires_at)",
    """
        create table oidc_attempts (
            state_hash bytea not null,
            browser_hash bytea not null,
            nonce_hash bytea not null,
            verifier_sealed bytea not null,
            return_to text,
            created_at timestamptz default now() not null,
            expires_at timestamptz not null,
            used_at timestamptz,
            constraint pk_oidc_attempts primary key (state_hash)
        )
    """,
    "create index ix_oidc_attempts_expires_at on oidc_attempts (expires_at)",
    "alter table connect_attempts add column purpose text default 'connect' not null",
    """
        alter table connect_attempts add constraint ck_connect_attempts_purpose_known
            check (purpose in ('connect', 'sign_in')) not valid
    """,
    "alter table connect_attempts validate constraint ck_connect_attempts_purpose_known",
    "alter table connect_attempts add column return_to text",
    "alter table browser_sessions add column last_seen_at timestamptz",
    "alter table webhook_deliveries add column replays integer default 0 not null",
    "alter table webhook_deliveries add column replayed_at timestamptz",
    "alter table webhook_deliveries add column replayed_by text",
    "alter table postings add column reversal_state text",
    "alter table postings add column reversal_erp_id text",
    "alter table postings add column reversal_number text",
    "alter table postings add column reversal_url text",
    "alter table postings add column reversal_reason text",
    "alter table postings add column reversal_by text",
    "alter table postings add column reversal_at timestamptz",
    "alter table export_items add column pleo_url text",
    "alter table export_items add column glance jsonb",
    "alter table export_jobs add column counted boolean default false not null",
    """
        create table export_item_counts (
            job_id uuid not null,
            state text not null,
            connection_id uuid not null,
            items bigint not null,
            constraint pk_export_item_counts primary key (job_id, state),
            constraint fk_export_item_counts_connection_id foreign key (connection_id) references connections (id),
            constraint fk_export_item_counts_job_id_connection_id foreign key (job_id, connection_id)
                references export_jobs (id, connection_id) on delete cascade
        )
    """,
    "create index ix_export_item_counts_connection_id on export_item_counts (connection_id)",
    """
        create function count_inserted_export_items() returns trigger language plpgsql as $$
        begin
            insert into export_item_counts as c (job_id, state, connection_id, items)
            select i.job_id, i.state, i.connection_id, count(*)
            from inserted i join export_jobs j on j.id = i.job_id and j.counted
            group by i.job_id, i.state, i.connection_id
            order by i.job_id, i.state
            on conflict (job_id, state) do update set items = c.items + excluded.items;
            return null;
        end $$
    """,
    """
        create function count_changed_export_items() returns trigger language plpgsql as $$
        begin
            insert into export_item_counts as c (job_id, state, connection_id, items)
            select moved.job_id, moved.state, moved.connection_id, sum(moved.items)
            from (
                select job_id, state, connection_id, 1 as items from changed_to
                union all
                select job_id, state, connection_id, -1 from changed_from
            ) moved join export_jobs j on j.id = moved.job_id and j.counted
            group by moved.job_id, moved.state, moved.connection_id
            having sum(moved.items) <> 0
            order by moved.job_id, moved.state
            on conflict (job_id, state) do update set items = c.items + excluded.items;
            return null;
        end $$
    """,
    """
        create function count_deleted_export_items() returns trigger language plpgsql as $$
        begin
            update export_item_counts c set items = c.items - gone.items
            from (select job_id, state, count(*) as items from deleted group by job_id, state) gone
            where c.job_id = gone.job_id and c.state = gone.state;
            return null;
        end $$
    """,
    """
        create trigger count_inserted after insert on export_items
            referencing new table as inserted
            for each statement execute function count_inserted_export_items()
    """,
    """
        create trigger count_changed after update on export_items
            referencing old table as changed_from new table as changed_to
            for each statement execute function count_changed_export_items()
    """,
    """
        create trigger count_deleted after delete on export_items
            referencing old table as deleted
            for each statement execute function count_deleted_export_items()
    """,
    """
        create table call_minutes (
            minute timestamptz not null,
            system text not null,
            outcome text not null,
            calls bigint not null,
            seconds double precision not null,
            constraint pk_call_minutes primary key (minute, system, outcome),
            constraint ck_call_minutes_system_known check (system in ('pleo', 'erp')),
            constraint ck_call_minutes_outcome_known check (outcome in ('ok', 'error', 'limited'))
        )
    """,
    """
        create table delivery_refusals (
            day date not null,
            reason text not null,
            deliveries bigint not null,
            constraint pk_delivery_refusals primary key (day, reason)
        )
    """,
    """
        create table work_failures (
            job_id bigint not null,
            at timestamptz default now() not null,
            error text not null,
            place text,
            constraint pk_work_failures primary key (job_id)
        )
    """,
]

CONCURRENTLY = {
    "ix_export_job_events_in_time": """
        create index concurrently ix_export_job_events_in_time on export_job_events (job_id, at, id)
    """,
    "ix_postings_being_reversed": """
        create index concurrently ix_postings_being_reversed on postings (connection_id)
            where reversal_state in ('intended', 'unknown')
    """,
    "ix_export_items_by_state": """
        create index concurrently ix_export_items_by_state on export_items (job_id, state, position)
    """,
    "ix_webhook_deliveries_by_status": """
        create index concurrently ix_webhook_deliveries_by_status on webhook_deliveries (status, received_at, id)
    """,
}

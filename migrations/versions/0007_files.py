"""Accounting that takes files: books of vouchers with their numbers and receipts, the files made of them, and how each
file gets to where the customer wants it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


STATEMENTS = [
    """
        create table voucher_books (
            id uuid not null,
            connection_id uuid not null,
            kind text not null,
            company_ref text not null,
            company_name text not null,
            registration_number text,
            currency text not null,
            opened_at timestamptz default now() not null,
            written_at timestamptz default now() not null,
            constraint pk_voucher_books primary key (id),
            constraint uq_voucher_books_id_connection_id unique (id, connection_id),
            constraint fk_voucher_books_connection_id foreign key (connection_id) references connections (id)
        )
    """,
    "create index ix_voucher_books_connection_id on voucher_books (connection_id)",
    """
        create table voucher_counters (
            book_id uuid not null,
            series text not null,
            year text not null,
            connection_id uuid not null,
            last integer not null,
            constraint pk_voucher_counters primary key (book_id, series, year),
            constraint fk_voucher_counters_connection_id foreign key (connection_id) references connections (id),
            constraint fk_voucher_counters_book_id_connection_id foreign key (book_id, connection_id)
                references voucher_books (id, connection_id)
        )
    """,
    """
        create table voucher_files (
            id uuid not null,
            connection_id uuid not null,
            book_id uuid not null,
            name text not null,
            sha256 text not null,
            size bigint not null,
            content bytea,
            vouchers integer not null,
            debit numeric not null,
            made_at timestamptz default now() not null,
            handover_state text not null,
            handover_tries integer not null,
            handover_due_at timestamptz default now(),
            handed_over_at timestamptz,
            handover_error text,
            handover_fault text,
            handover_place text,
            handover_sent_at timestamptz,
            receipts_sha256 text,
            receipts_size bigint,
            receipts_there_at timestamptz,
            fetched_at timestamptz,
            constraint pk_voucher_files primary key (id),
            constraint uq_voucher_files_id_connection_id unique (id, connection_id),
            constraint uq_voucher_files_book_id_name unique (book_id, name),
            constraint fk_voucher_files_connection_id foreign key (connection_id) references connections (id),
            constraint fk_voucher_files_book_id_connection_id foreign key (book_id, connection_id)
                references voucher_books (id, connection_id),
            constraint ck_voucher_files_handover_state_known
                check (handover_state in ('waiting', 'stuck', 'to_fetch', 'done'))
        )
    """,
    "create index ix_voucher_files_connection_id_made_at on voucher_files (connection_id, made_at)",
    """
        create index ix_voucher_files_due on voucher_files (handover_due_at)
            where handover_state in ('waiting', 'stuck')
    """,
    """
        create table vouchers (
            id uuid not null,
            connection_id uuid not null,
            book_id uuid not null,
            series text not null,
            year text not null,
            number integer not null,
            company_id text not null,
            accounting_entry_id text not null,
            revision integer not null,
            takes_back boolean not null,
            reverses uuid,
            date date not null,
            total numeric not null,
            body jsonb not null,
            digest text not null,
            recorded_at timestamptz default now() not null,
            file_id uuid,
            constraint pk_vouchers primary key (id),
            constraint uq_vouchers_id_connection_id unique (id, connection_id),
            constraint uq_vouchers_book_id_series_year_number unique (book_id, series, year, number),
            constraint uq_vouchers_book_id_accounting_entry_id_revision_takes_back
                unique (book_id, accounting_entry_id, revision, takes_back),
            constraint uq_vouchers_reverses unique (reverses),
            constraint fk_vouchers_connection_id foreign key (connection_id) references connections (id),
            constraint fk_vouchers_book_id_connection_id foreign key (book_id, connection_id)
                references voucher_books (id, connection_id),
            constraint fk_vouchers_file_id_connection_id foreign key (file_id, connection_id)
                references voucher_files (id, connection_id),
            constraint fk_vouchers_reverses_connection_id foreign key (reverses, connection_id)
                references vouchers (id, connection_id) on delete cascade,
            constraint ck_vouchers_number_counts_from_one check (number > 0),
            constraint ck_vouchers_total_positive check (total > 0),
            constraint ck_vouchers_takes_back_one check (takes_back = (reverses is not null))
        )
    """,
    "create index ix_vouchers_book_id_date on vouchers (book_id, date)",
    "create index ix_vouchers_waiting on vouchers (book_id, recorded_at) where file_id is null",
    "create index ix_vouchers_file_id on vouchers (file_id)",
    "create index ix_vouchers_connection_id_accounting_entry_id on vouchers (connection_id, accounting_entry_id)",
    # What stands in a book stands: whatever code runs, a number is never given to something else.
    """
        create function refuse_to_change_a_voucher() returns trigger language plpgsql as $$
        begin
            raise exception using errcode = 'integrity_constraint_violation',
                message = format('voucher %s%s stands and cannot be changed', old.series, old.number);
        end $$
    """,
    """
        create trigger vouchers_stand before update on vouchers
            for each row when (
                (old.id, old.connection_id, old.book_id, old.series, old.year, old.number, old.company_id,
                    old.accounting_entry_id, old.revision, old.takes_back, old.reverses, old.date, old.total,
                    old.digest, old.recorded_at)
                is distinct from
                (new.id, new.connection_id, new.book_id, new.series, new.year, new.number, new.company_id,
                    new.accounting_entry_id, new.revision, new.takes_back, new.reverses, new.date, new.total,
                    new.digest, new.recorded_at)
                or (old.file_id is not null and new.file_id is distinct from old.file_id)
            )
            execute function refuse_to_change_a_voucher()
    """,
    """
        create table voucher_receipts (
            voucher_id uuid not null,
            position integer not null,
            connection_id uuid not null,
            name text not null,
            type text not null,
            size bigint not null,
            sha256 text not null,
            constraint pk_voucher_receipts primary key (voucher_id, position),
            constraint uq_voucher_receipts_voucher_id_name unique (voucher_id, name),
            constraint fk_voucher_receipts_connection_id foreign key (connection_id) references connections (id),
            constraint fk_voucher_receipts_voucher_id_connection_id foreign key (voucher_id, connection_id)
                references vouchers (id, connection_id)
        )
    """,
    "create index ix_voucher_receipts_connection_id on voucher_receipts (connection_id)",
    """
        create table voucher_pieces (
            voucher_id uuid not null,
            position integer not null,
            piece integer not null,
            connection_id uuid not null,
            content bytea not null,
            constraint pk_voucher_pieces primary key (voucher_id, position, piece),
            constraint fk_voucher_pieces_connection_id foreign key (connection_id) references connections (id),
            constraint fk_voucher_pieces_voucher_id_position foreign key (voucher_id, position)
                references voucher_receipts (voucher_id, position) on delete cascade
        )
    """,
    "create index ix_voucher_pieces_connection_id on voucher_pieces (connection_id)",
    # Receipts are compressed already, and trying it again costs more than it saves.
    "alter table voucher_pieces alter column content set storage external",
]

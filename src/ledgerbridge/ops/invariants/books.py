"""Postings and outcomes: never twice, never lost, never called booked without being so (statements 1 to 3)."""

from __future__ import annotations

from ledgerbridge.ops.invariants.invariant import Invariant
from ledgerbridge.ops.invariants.windows import RECENT_JOBS, held
from ledgerbridge.store.tables import Base

ONE_LIVE_POSTING = Invariant(
    name="one-live-posting",
    number=1,
    statement="An accounting entry of a company has at most one live posting.",
    alert="An expense may stand in the books twice: stop the company's exports and look into its accounting system.",
    broken="""
        select connection_id || ' entry ' || accounting_entry_id as sample
        from postings where state in ('intended', 'booked', 'unknown')
        group by connection_id, accounting_entry_id having count(*) > 1
    """,
    deep=True,
)

ONE_ENTRY_A_DOCUMENT = Invariant(
    name="one-entry-a-document",
    number=1,
    statement="A document in the accounting system stands for one accounting entry only.",
    alert="Two expenses name the same document: one of them is missing from the books.",
    # What was booked before a move to another ERP company may have the same ids there.
    broken="""
        select connection_id || ' ' || document || ' ' || erp_id as sample
        from postings where state = 'booked' and erp_id is not null
        group by connection_id, coalesce(moved_from, ''), document, erp_id
        having count(distinct accounting_entry_id) > 1
    """,
    deep=True,
)

GUARDS_STAND = Invariant(
    name="guards-stand",
    number=1,
    statement="Every unique index and every constraint that the guarantees rest on is in the database, and valid.",
    alert="The database no longer refuses doubles or strange rows: stop the workers and restore the schema.",
    broken="""
        select 'index ' || wanted.name as sample
        from unnest(cast(:unique as text[])) as wanted(name)
        where not exists (
            select 1 from pg_index x join pg_class c on c.oid = x.indexrelid
            where c.relname = wanted.name and c.relnamespace = to_regnamespace('public')
              and x.indisunique and x.indisvalid and x.indisready
        )
        union all
        select 'constraint ' || wanted.name
        from unnest(cast(:constraints as text[])) as wanted(name)
        where not exists (
            select 1 from pg_constraint k
            where k.conname = wanted.name and k.connamespace = to_regnamespace('public') and k.convalidated
        )
    """,
    values={
        "unique": sorted(
            {str(table.primary_key.name) for table in Base.metadata.tables.values()}
            | {
                str(index.name)
                for table in Base.metadata.tables.values()
                for index in table.indexes
                if index.unique and index.name
            }
        ),
        "constraints": sorted(
            str(constraint.name)
            for table in Base.metadata.tables.values()
            for constraint in table.constraints
            if constraint.name
        ),
    },
)

SUCCESS_HAS_POSTING = Invariant(
    name="success-has-posting",
    number=2,
    statement="What Pleo was told is exported has a posting that stands in the books.",
    alert="Pleo shows an expense as exported that our ledger does not have: compare with the accounting system.",
    # Only the newest item of an entry counts: one exported again may have been found deleted in the ERP meanwhile.
    broken=f"""
        with {RECENT_JOBS}
        select i.connection_id || ' job ' || i.job_id || ' entry ' || i.accounting_entry_id as sample
        from recent_jobs j join export_items i on i.job_id = j.id
        where i.state = 'booked' and i.reported_at is not null
          and not exists (
            select 1 from postings p
            where p.connection_id = i.connection_id and p.accounting_entry_id = i.accounting_entry_id
              and p.state in ('booked', 'reversed')
          )
          and not exists (
            select 1 from export_items later join export_jobs k on k.id = later.job_id
            where later.connection_id = i.connection_id and later.accounting_entry_id = i.accounting_entry_id
              and k.claimed_at > j.claimed_at
          )
    """,  # noqa: S608
)

BOOKED_NAMES_DOCUMENT = Invariant(
    name="booked-names-document",
    number=2,
    statement="A posting called booked names its document, or the person who said so and the number it has.",
    alert="A posting is called booked without a document: compare it with the accounting system.",
    broken="""
        select connection_id || ' posting ' || id as sample
        from postings
        where state = 'booked' and case
            when by_hand then coalesce(erp_number, '') = '' or coalesce(note, '') = ''
            else coalesce(erp_id, '') = '' or booked_at is null
          end
    """,
    deep=True,
)

INTENT_SETTLED = Invariant(
    name="intent-settled",
    number=3,
    statement="An intent to book is settled as booked, not booked or unknown soon after its worker has stopped.",
    alert="A booking was begun and nobody knows what became of it: probe the item.",
    broken=f"""
        select p.connection_id || ' posting ' || p.id || ' entry ' || p.accounting_entry_id as sample
        from postings p
        where p.state = 'intended' and p.intended_at < now() - make_interval(mins => :minutes)
          and not {held("p.connection_id", "exports")}
    """,  # noqa: S608
    values={"minutes": 15},
)

UNKNOWN_TOLD = Invariant(
    name="unknown-told",
    number=3,
    statement="An unknown outcome stands in front of a person, with the reason, in Pleo.",
    alert="Nobody was told that an expense may or may not be booked: probe the item, or tell the bookkeeper.",
    # An open job is still at it, and `job-within-expiry` watches that one. Where the items of its job are erased, with
    # the company that left or after a year, nobody can tell here what Pleo was told; it is probed when it comes again.
    broken="""
        select p.connection_id || ' posting ' || p.id || ' entry ' || p.accounting_entry_id as sample
        from postings p
        where p.state = 'unknown' and p.intended_at < now() - make_interval(mins => :minutes)
          and (p.job_id is null or exists (select 1 from export_items i where i.job_id = p.job_id))
          and not exists (
            select 1 from export_items i join export_jobs j on j.id = i.job_id
            where i.connection_id = p.connection_id and i.accounting_entry_id = p.accounting_entry_id
              and (j.phase <> 'closed'
                   or (i.state = 'failed' and i.reported_at >= p.intended_at and i.failure_reason is not null))
          )
    """,
    values={"minutes": 15},
)

REVERSAL_SETTLED = Invariant(
    name="reversal-settled",
    number=3,
    statement="What is to be taken back is taken back, or stands as before, an hour later.",
    alert="An entry was to be taken back and nobody knows whether it is: ask for it again.",
    broken=f"""
        select p.connection_id || ' posting ' || p.id || ' entry ' || p.accounting_entry_id as sample
        from postings p
        where p.reversal_state in ('intended', 'unknown') and p.reversal_at < now() - make_interval(mins => :minutes)
          and not {held("p.connection_id", "exports")}
    """,  # noqa: S608
    values={"minutes": 60},
)

REVERSED_AGREES = Invariant(
    name="reversed-agrees",
    number=2,
    statement="A posting is called taken back if and only if its reversal came to an end.",
    alert="A posting is called taken back without being so, or the reverse: compare it with the accounting system.",
    broken="""
        select connection_id || ' posting ' || id as sample
        from postings
        where (state = 'reversed') <> (reversal_state is not distinct from 'reversed')
           or (state = 'reversed' and reversal_at is null)
    """,
    deep=True,
)

CHECKS = (
    ONE_LIVE_POSTING,
    ONE_ENTRY_A_DOCUMENT,
    GUARDS_STAND,
    SUCCESS_HAS_POSTING,
    BOOKED_NAMES_DOCUMENT,
    INTENT_SETTLED,
    UNKNOWN_TOLD,
    REVERSAL_SETTLED,
    REVERSED_AGREES,
)

"""Master data: nothing is archived blindly, and a sync without news writes nothing (statement 8)."""

from __future__ import annotations

from ledgerbridge.ops.invariants.invariant import Invariant

NO_BLIND_ARCHIVING = Invariant(
    name="no-blind-archiving",
    number=8,
    statement="A run archives nothing on an empty list, and not everything it knows unless a person allowed it.",
    alert="A synchronisation may have archived what is still in use: compare Pleo with the accounting system.",
    # Of tags each dimension is judged by itself, which the sums of a run do not show.
    broken="""
        select connection_id || ' run ' || id || ' ' || kind as sample
        from sync_runs
        where started_at > now() - make_interval(days => :days) and archived > 0
          and (failure = 'erp_empty'
               or (kind <> 'tags' and archive_allowed is null and archived > :free
                   and created + updated + unarchived + unchanged + skipped + failed = 0))
    """,
    values={"days": 7, "free": 10},
)

SYNC_COMES_TO_REST = Invariant(
    name="sync-comes-to-rest",
    number=8,
    statement="Run after run of a kind does not write the same again.",
    alert="A synchronisation repeats the same writes at every run: something in Pleo or the ERP undoes them.",
    broken="""
        with newest as (
            select *, row_number() over (partition by connection_id, kind order by started_at desc, id) as place
            from sync_runs
            where started_at > now() - make_interval(days => :days) and "only" is null
              and status in ('succeeded', 'with_failures') and trigger in ('schedule', 'manual')
        )
        select connection_id || ' ' || kind as sample
        from newest where place <= :runs
        group by connection_id, kind
        having count(*) = :runs and min(created + updated + unarchived + archived) > 0
           and count(distinct (created, updated, unarchived, archived)) = 1
    """,
    values={"days": 14, "runs": 5},
)

CHECKS = (NO_BLIND_ARCHIVING, SYNC_COMES_TO_REST)

"""Books of vouchers, where accounting takes files: nothing missing, nothing twice, nothing left lying (statements 1
and 2)."""

from __future__ import annotations

from ledgerbridge.ops.invariants.invariant import Invariant

NUMBERS_FOLLOW = Invariant(
    name="numbers-follow",
    number=1,
    statement="The vouchers of a series and year are numbered from one on, without a gap and none twice.",
    alert="A number is missing from a series of vouchers: look for what stood there before an auditor asks.",
    broken="""
        select c.connection_id || ' book ' || c.book_id || ' series ' || c.series || ' year ' || c.year as sample
        from voucher_counters c left join (
            select book_id, series, year, count(distinct number) as different, count(*) as many, max(number) as highest
            from vouchers group by book_id, series, year
        ) v on v.book_id = c.book_id and v.series = c.series and v.year = c.year
        where (coalesce(v.different, 0), coalesce(v.many, 0), coalesce(v.highest, 0)) <> (c.last, c.last, c.last)
        union all
        select v.connection_id || ' book ' || v.book_id || ' series ' || v.series || ' year ' || v.year
        from vouchers v where not exists (
            select 1 from voucher_counters c
            where c.book_id = v.book_id and c.series = v.series and c.year = v.year
        )
        group by v.connection_id, v.book_id, v.series, v.year
    """,
    deep=True,
)

VOUCHERS_AND_POSTINGS = Invariant(
    name="vouchers-and-postings",
    number=2,
    statement="What is booked into files is a voucher that stands, and every voucher that stands is a live posting.",
    alert="The ledger and a book of vouchers do not agree: an expense is missing from the files, or is in them untold.",
    # While one is being booked or taken back, one of the two is ahead. What was moved away from may have been settled
    # by a person in either way.
    broken="""
        select p.connection_id || ' posting ' || p.id || ' entry ' || p.accounting_entry_id as sample
        from postings p
        where p.state = 'booked' and not p.by_hand and coalesce(p.reversal_state, '') not in ('intended', 'unknown')
          and exists (select 1 from voucher_books b where b.connection_id = p.connection_id and b.kind = p.erp_kind)
          and not exists (
            select 1 from vouchers v
            where v.connection_id = p.connection_id and v.accounting_entry_id = p.accounting_entry_id
              and v.id::text = p.erp_id and not v.takes_back
              and not exists (select 1 from vouchers back where back.reverses = v.id)
          )
        union all
        select v.connection_id || ' voucher ' || v.id || ' entry ' || v.accounting_entry_id
        from vouchers v
        where not v.takes_back and v.recorded_at < now() - make_interval(mins => :minutes)
          and not exists (select 1 from vouchers back where back.reverses = v.id)
          and not exists (
            select 1 from postings p
            where p.connection_id = v.connection_id and p.accounting_entry_id = v.accounting_entry_id
              and (p.state in ('intended', 'unknown', 'booked') or p.moved_from is not null)
          )
    """,
    values={"minutes": 60},
    deep=True,
)

FILES_ADD_UP = Invariant(
    name="files-add-up",
    number=2,
    statement="A file holds as many vouchers, and as much money, as it was closed with.",
    alert="A file was handed over that does not agree with the vouchers noted in it: compare it with the book.",
    broken="""
        select f.connection_id || ' file ' || f.id as sample
        from voucher_files f left join (
            select file_id, count(*) as many, sum(total) as debit from vouchers
            where file_id is not null group by file_id
        ) v on v.file_id = f.id
        where coalesce(v.many, 0) <> f.vouchers or coalesce(v.debit, 0) <> f.debit
    """,
    deep=True,
)

VOUCHERS_LEAVE = Invariant(
    name="vouchers-leave",
    number=2,
    statement="A voucher is in a file within a day.",
    alert="What is booked has not left for the customer's accounting: no file can be made of its vouchers.",
    # A file a day is closed after midnight by a round. Who ended its connection is told then what is left.
    broken="""
        select v.connection_id || ' book ' || v.book_id || ' vouchers ' || count(*) as sample
        from vouchers v join connections c on c.id = v.connection_id and c.status <> 'disconnected'
        where v.file_id is null and v.recorded_at < now() - make_interval(mins => :minutes)
        group by v.connection_id, v.book_id
    """,
    values={"minutes": 26 * 60},
)

CHECKS = (NUMBERS_FOLLOW, VOUCHERS_AND_POSTINGS, FILES_ADD_UP, VOUCHERS_LEAVE)

"""Installations as the people of these tests find them: a company whose books are full of life."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.support.commands import until
from tests.support.site import Site

SEEDS = ("card_purchase", "out_of_pocket", "split_three", "foreign_usd", "zero_amount", "markup_note", "long_note",
         "payable_invoice", "bad_unknown_account", "bad_closed_period", "bad_sum")  # fmt: skip
LONG = "A reason as long as accounting systems give them: " + "the period of this account is closed, " * 20
"""Longer than any line, without a place of its own to break in some words."""


A_MONTH = (
    """
    insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by,
        announced_at, number_of_items, vendor_based, interactive, expires_in, claimed_at, started_at,
        closed_at, counted)
    select gen_random_uuid(), %s, gen_random_uuid()::text, at, case n %% 9 when 0 then 'completed_with_errors'
        else 'completed' end, 'closed', 'webhook', at, 12 + (n * 7) %% 30, false, true, 3600, at, at,
        at + interval '1 second' * (8 + (n * 5) %% 17), true
    from generate_series(1, 44) n, lateral (select now() - interval '16 hours' * n as at) t where n %% 10 not in (3, 4)
    """,
    """
    insert into export_item_counts (job_id, state, connection_id, items)
    select id, state, connection_id, case state when 'booked' then number_of_items - 2 else 2 end
    from export_jobs, unnest(array['booked', 'nothing_to_post']) state
    where connection_id = %s and pleo_status = 'completed'
    union all
    select id, state, connection_id, case state when 'booked' then number_of_items - 3 else 3 end
    from export_jobs j, unnest(array['booked', 'failed']) state where pleo_status = 'completed_with_errors'
    and not exists (select from export_items i where i.job_id = j.id)
    """,
    """
    insert into call_minutes (minute, system, outcome, calls, seconds)
    select date_trunc('minute', claimed_at), system, 'ok', number_of_items * 3, number_of_items * 0.2
    from export_jobs, unnest(array['pleo', 'erp']) system where connection_id = %s and pleo_status = 'completed'
    """,
)
"""Export jobs of the last month with what became of their items, and the calls they cost; for charts and long lists."""

FILES = (
    """
    insert into voucher_books (id, connection_id, kind, company_ref, company_name, registration_number, currency)
    values (%(book)s, %(own)s, 'files', '1', 'Demo AB', '556000-0001', 'SEK')
    """,
    """
    insert into voucher_counters (book_id, connection_id, series, year, last) values (%(book)s, %(own)s, 'P', '2026', 4)
    """,
    """
    insert into voucher_files (id, connection_id, book_id, name, sha256, size, content, vouchers, debit, made_at,
        handover_state, handover_tries, handover_due_at, handover_fault, handover_error, handover_place, handed_over_at)
    values (%(book)s, %(own)s, %(book)s, 'P-2026-0002-with-a-name-as-long-as-people-give.si', repeat('9e107d9d', 8),
        9, 'not a SIE', 4, 5000, now(), 'stuck', 3, null, 'other_file', %(long)s, null, null),
        (gen_random_uuid(), %(own)s, %(book)s, 'P-2026-0001.si', repeat('9e107d9d', 8), 9, 'not a SIE', 0, 0,
        now() - interval '1 day', 'done', 1, null, null, null, 'sftp://files.example.com/inbox', now())
    """,
    """
    insert into vouchers (id, connection_id, book_id, series, year, number, company_id, accounting_entry_id, revision,
        takes_back, date, total, body, digest, file_id)
    select gen_random_uuid(), %(own)s, %(book)s, 'P', '2026', n, 'c', 'filed-' || n, 1, false, current_date, 1250,
        jsonb_build_object('text', %(long)s::text), '', %(book)s from generate_series(1, 4) n
    """,
)
"""Files of vouchers, as a company has whose accounting takes files: one was handed over, one waits for a person."""


@dataclass
class Stage:
    """One live company and what there is to see of it."""

    site: Site
    connection: str
    ids: dict[str, str] = field(default_factory=dict)
    """What fills the places of a route's path, by name."""
    unknown: str = ""
    """The accounting entry whose outcome nobody knows; it is booked."""

    def cookies(self) -> list[dict[str, Any]]:
        """Of the customer's browser, to put a person in front of the company's pages."""
        return [
            {"name": one.name, "value": one.value, "url": self.site.url}
            for one in self.site.browser.cookies.jar
            if one.name == "ledgerbridge_session"
        ]

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Ask or change the database: what only the passing of months or bad luck would bring about."""
        with psycopg.connect(self.site.database_url, autocommit=True) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []

    def lose_outcome(self) -> None:
        """As if the ERP's reply to one booking had been lost; the rounds may find it again at any time."""
        for table in ("postings", "export_items"):
            self.sql(f"update {table} set state = 'unknown' where accounting_entry_id = %s", self.unknown)


def full_of_life(site: Site) -> Stage:
    """Serve a live company: a job of many kinds of items, some failed, one unknown, one with a very long reason."""
    site.serve()
    stage = Stage(site, site.live())
    job = site.press_export(*SEEDS)
    closed = site.closed(job)
    stage.ids["pleo_job_id"] = job
    ((stage.ids["job_id"],),) = stage.sql("select id::text from export_jobs where pleo_job_id = %s", job)
    failed = [item["accountingEntryId"] for item in closed["items"] if item["status"] == "failed"]
    booked = [item["accountingEntryId"] for item in closed["items"] if item["status"] == "successful"]
    stage.sql("update export_items set failure_reason = %s where accounting_entry_id = %s", LONG, failed[0])
    stage.unknown = booked[0]
    stage.lose_outcome()
    refused = site.anybody.post(_mailbox(site), json={"data": {}, "eventType": "v1.export-job.created"})
    assert refused.status_code == 401, refused.text
    site.ask("PUT", f"/connections/{stage.connection}/config", site.configuration(posting_mode="draft"))
    newest = {
        "run_id": "select id::text from sync_runs order by started_at desc limit 1",
        "delivery_id": "select id::text from webhook_deliveries order by received_at desc limit 1",
    }
    for name, statement in newest.items():
        until(name, lambda statement=statement: stage.sql(statement), 30)
        stage.ids[name] = stage.sql(statement)[0][0]
    stage.ids |= {"connection_id": stage.connection, "entry_id": failed[0], "entry": failed[0], "version": "1"}
    for statement in A_MONTH:
        stage.sql(statement, stage.connection)
    stage.ids["file_id"] = str(uuid.uuid4())
    with psycopg.connect(site.database_url) as connection:
        for statement in FILES:
            connection.execute(statement, {"book": stage.ids["file_id"], "own": stage.connection, "long": LONG})
    return stage


def _mailbox(site: Site) -> str:
    return site.sandbox.sandbox.world.subscriptions.all()[0].wish.endpoint_url

"""What counts as bound to one company, and what does not. No database: statements are judged as they are written."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import (
    ClauseElement,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from ledgerbridge.store.binding import OWNED, judge
from ledgerbridge.store.tables import (
    AuditRecord,
    Base,
    BrowserSession,
    ConnectAttempt,
    Connection,
    Credential,
    ErpBinding,
    ExportItem,
    ExportJob,
    Posting,
    RateBudget,
    Settlement,
    Subscription,
    SyncRun,
    WebhookDelivery,
)

ID = uuid.UUID(int=1)
job, other = aliased(ExportJob), aliased(ExportJob)
mine = select(Posting.id).where(Posting.connection_id == ID)
everybodys = select(Posting.id).where(Posting.state == "booked")
pages = func.jsonb_each(bindparam("page")).table_valued("key", "value")

BOUND: dict[str, ClauseElement] = {
    "its company": select(Posting).where(Posting.connection_id == ID, Posting.state == "booked"),
    "the other way round": select(Posting).where(bindparam("company", ID) == Posting.connection_id),
    "inside an and": select(Posting).where(and_(Posting.state == "booked", and_(Posting.connection_id == ID))),
    "the company itself": select(Connection).where(Connection.id == ID),
    "the company by Pleo's id": select(Connection).where(Connection.environment == "x", Connection.company_id == "y"),
    "one row by its key": select(Posting).where(Posting.id == ID),
    "one row by a key of two": select(ExportItem).where(ExportItem.job_id == ID, ExportItem.accounting_entry_id == "a"),
    "its parent": select(ExportItem).where(ExportItem.job_id == ID),
    "a unique column": select(Subscription).where(Subscription.path_token_hash == b"x"),
    "a session's hash": select(BrowserSession.connection_id).where(BrowserSession.token_hash == b"x"),
    "an inner join": select(ExportItem, Posting)
    .join(Posting, Posting.id == ExportItem.posting_id)
    .where(ExportItem.job_id == ID),
    "an outer join to a bound left side": select(ExportItem, Posting)
    .outerjoin(Posting, Posting.id == ExportItem.posting_id)
    .where(ExportItem.job_id == ID),
    "bound at the far end of joins": select(ExportItem)
    .join(ExportJob, ExportJob.id == ExportItem.job_id)
    .join(Connection, Connection.id == ExportJob.connection_id)
    .where(Connection.id == ID),
    "a company in common": select(job, Posting).where(job.id == ID, job.connection_id == Posting.connection_id),
    "an alias": select(job).where(job.connection_id == ID),
    "in a bound query": select(Settlement).where(Settlement.posting_id.in_(mine)),
    "equal to a bound query": select(Settlement).where(Settlement.posting_id == mine.limit(1).scalar_subquery()),
    "joined to a bound query": select(Settlement).join(one := mine.subquery(), Settlement.posting_id == one.c.id),
    "a correlated exists": select(ExportJob).where(
        ExportJob.connection_id == ID, exists().where(ExportItem.job_id == ExportJob.id)
    ),
    "a correlated column": select(
        Connection,
        select(other.id).where(other.connection_id == Connection.id).correlate(Connection).scalar_subquery(),
    ).where(Connection.id == ID),
    "a union of bound ones": union(mine, mine.where(Posting.state == "x")),
    "a common table expression": select(mine.cte().c.id),
    "an update": update(Posting).where(Posting.id == ID).values(state="x"),
    "an update from another table": update(ExportItem)
    .where(ExportItem.job_id == ID, Posting.connection_id == ID, Posting.id == ExportItem.posting_id)
    .values(state="x"),
    "a delete in a bound query": delete(Settlement).where(Settlement.posting_id.in_(mine)),
    "an insert": insert(Base.metadata.tables["observed_signs"]).values(connection_id=ID, type="a", sign=1),
    "an insert from a bound query": insert(Settlement).from_select(["posting_id"], mine),
    "a table of nobody's": select(RateBudget),
    "an attempt, which has no company yet": select(ConnectAttempt).where(ConnectAttempt.used_at.is_(None)),
    "no table at all": select(func.now()),
    "values beside it": update(ExportItem)
    .where(ExportItem.job_id == ID, ExportItem.accounting_entry_id == pages.c.key)
    .values(payload=pages.c.value),
}

UNBOUND: dict[str, tuple[ClauseElement, str]] = {
    "nothing": (select(Posting), "postings"),
    "a count": (select(func.count()).where(Posting.state == "booked"), "postings"),
    "another column": (select(Posting).where(Posting.accounting_entry_id == "a"), "postings"),
    "not equal": (select(Posting).where(Posting.connection_id != ID), "postings"),
    "behind a key": (select(ExportJob).where(tuple_(ExportJob.pleo_created_at, ExportJob.id) < (1, ID)), "export_jobs"),
    "one side of an or": (select(Posting).where(or_(Posting.connection_id == ID, Posting.state == "a")), "postings"),
    "half of a key": (select(ExportItem).where(ExportItem.accounting_entry_id == "a"), "export_items"),
    "half of Pleo's key": (select(Connection).where(Connection.company_id == "y"), "connections"),
    "itself": (select(Posting).where(Posting.connection_id == Posting.connection_id), "postings"),
    "any of an array": (select(Posting).where(Posting.connection_id == any_(bindparam("all"))), "postings"),
    "negated": (select(Posting).where(~(Posting.connection_id == ID)), "postings"),
    "a join without the company": (
        select(ExportItem, Posting)
        .join(Posting, Posting.accounting_entry_id == ExportItem.accounting_entry_id)
        .where(ExportItem.job_id == ID),
        "postings",
    ),
    "two tables side by side": (select(ExportJob, Posting).where(ExportJob.id == ID), "postings"),
    "only the right side of an outer join": (
        select(ExportJob, Connection)
        .outerjoin(Connection, Connection.id == ExportJob.connection_id)
        .where(Connection.status == "active"),
        "connections",
    ),
    "the left side by the condition of an outer join": (
        select(Connection).outerjoin(ExportJob, and_(Connection.id == ID, ExportJob.connection_id == ID)),
        "connections",
    ),
    "a full join": (
        select(Connection, ExportJob)
        .join(ExportJob, ExportJob.connection_id == Connection.id, full=True)
        .where(Connection.id == ID),
        "export_jobs",
    ),
    "in everybody's query": (select(Settlement).where(Settlement.posting_id.in_(everybodys)), "postings"),
    "another meaning": (
        select(SyncRun, ExportJob).where(ExportJob.id == ID, SyncRun.connection_id == ExportJob.id),
        "sync_runs",
    ),
    "a query without the company in a column": (
        select(Connection, select(func.count()).select_from(Posting).scalar_subquery()).where(Connection.id == ID),
        "postings",
    ),
    "the same table again, inside": (
        select(Posting).where(
            Posting.id == ID, Posting.total > select(func.max(Posting.total)).correlate(None).scalar_subquery()
        ),
        "postings",
    ),
    "an alone table inside, which is not the one outside": (
        select(Posting).where(Posting.id == ID, exists(select(Posting.id).where(Posting.state == "x"))),
        "postings",
    ),
    "one of a union": (union(mine, everybodys), "postings"),
    "a common table expression": (select(everybodys.cte().c.id), "postings"),
    "a deed in a common table expression": (
        select(delete(WebhookDelivery).returning(WebhookDelivery.id).cte().c.id),
        "webhook_deliveries",
    ),
    "an update": (update(Credential).values(access_token_sealed=None), "credentials"),
    "a delete": (delete(AuditRecord).where(AuditRecord.id < 5), "audit_log"),
    "an update from another table": (
        update(ExportItem).where(ExportItem.posting_id == Posting.id).values(state="x"),
        "postings",
    ),
    "an insert from everybody's query": (insert(Settlement).from_select(["posting_id"], everybodys), "postings"),
    "keys from outside": (select(Posting).where(Posting.id == pages.c.key), "postings"),
    "text inside": (select(text("*")).select_from(text("postings")), "not understood"),
    "a query in text": (select(Posting).where(Posting.id == ID, text("exists (select 1 from postings)")), "understood"),
    "a query in a literal column": (select(literal_column("(select max(total) from postings)")), "not understood"),
    "rows of text": (select(Posting).from_statement(text("select * from postings")), "not understood"),
}


@pytest.mark.parametrize("name", BOUND)
def test_a_statement_about_one_company_is_let_through(name: str) -> None:
    assert judge(BOUND[name]).unbound == ()
    assert judge(BOUND[name]).lists == ()


@pytest.mark.parametrize("name", UNBOUND)
def test_a_statement_that_may_cross_companies_is_not(name: str) -> None:
    statement, table = UNBOUND[name]
    assert table in " ".join(judge(statement).unbound)


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        (select(ErpBinding).where(ErpBinding.connection_id.in_([ID])), ["erp_bindings"]),
        (delete(Settlement).where(Settlement.posting_id.in_([ID])), ["settlements"]),
        (
            select(Settlement, Posting)
            .join(Posting, Posting.id == Settlement.posting_id)
            .where(Settlement.connection_id.in_([ID])),
            ["settlements"],
        ),
        (select(Posting).where(Posting.connection_id == ID, Posting.id.in_([ID])), []),
    ],
    ids=["of its company", "of its key", "and what is joined", "needless"],
)
def test_a_list_binds_if_it_turns_out_to_hold_one_value(statement: Any, tables: list[str]) -> None:
    verdict = judge(statement)
    assert verdict.unbound == ()
    assert [table for table, _ in verdict.lists] == tables


def test_every_table_that_names_a_connection_belongs_to_companies() -> None:
    named = {table.name for table in Base.metadata.tables.values() if "connection_id" in table.columns}
    assert named | {"connections"} == set(OWNED)
    assert set(Base.metadata.tables) - set(OWNED) == {
        "admin_sessions",
        "call_minutes",
        "connect_attempts",
        "delivery_refusals",
        "invariant_checks",
        "oidc_attempts",
        "rate_budgets",
        "work_failures",
    }

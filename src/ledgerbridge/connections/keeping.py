"""What becomes of each column of a company's rows when its connection has ended, and why.

The posting ledger stays, because only it keeps an expense from being booked a second time when the company connects
again; whatever is not needed for that goes. `erasure` does what stands here, docs/retention.md shows it, and a test
refuses a column that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, FromClause, Table, case, exists, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.elements import TypeCoerce
from sqlalchemy.types import Text

from ledgerbridge.pleo.events import EXPORT_JOB_CREATED, VENDOR_CREATED
from ledgerbridge.store.tables import (
    AuditRecord,
    Base,
    ExportJob,
    HandoverState,
    JobPhase,
    Posting,
    PostingState,
    Voucher,
    VoucherFile,
    VoucherPiece,
    WebhookDelivery,
)

EMPTY_TEXT = literal("")
NOTHING: Any = None
_OWN = "Our own number, time or state; says nothing about a person."
_NAMES = "Needed to know the company when it connects again; names no person."
_BOOKED = "The ledger: what was booked, where, and under which key, so that it is never booked again."
FORGOTTEN = "(forgotten)"

AUDIT_KEPT = (
    "version", "kind", "queued", "outcome", "entry", "reference", "auth_method", "missing_scopes",
    "left_at_pleo", "installation", "cause", "after_lost_reply", "run", "most", "operation", "company_id", "why",
    "deliveries", "since", "until", "chosen", "work", "number",
    "vouchers_waiting", "files_left",
)  # fmt: skip
"""Details of audit records that hold a number, an id or a word of ours; all others may hold what people wrote."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What becomes of the rows of one table."""

    why: str
    deleted: bool = False
    once: ColumnElement[bool] | None = None
    """Of what is deleted: which rows already; the others stay until they meet it."""
    emptied: Mapping[str, Any] = field(default_factory=dict)
    """Column to the value it gets instead; None, a literal or an expression over the row itself."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """Column to the reason why it stays."""


def _kept(why: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, why)


def _known_details() -> ColumnElement[Any]:
    """The details of an audit record that may stay, as one object."""
    pair = func.jsonb_each(AuditRecord.__table__.c.detail).table_valued("key", "value")
    allowed = pair.c.key == func.any(type_coerce(list(AUDIT_KEPT), ARRAY(Text)))
    empty = type_coerce({}, JSONB)
    kept = select(func.coalesce(func.jsonb_object_agg(pair.c.key, pair.c.value), empty)).where(allowed)
    return kept.scalar_subquery()


_HANDED_OVER = VoucherFile.__table__.c.handover_state == HandoverState.DONE


def _in_a_file_that_was_handed_over(row: FromClause) -> ColumnElement[bool]:
    """Of a voucher; nothing is lost of one nobody has taken yet."""
    files = VoucherFile.__table__.alias()
    same = (files.c.id == row.c.file_id) & (files.c.connection_id == row.c.connection_id)
    return exists(select(files.c.id).where(same, files.c.handover_state == HandoverState.DONE).correlate(row))


def _of_such_a_voucher(row: FromClause) -> ColumnElement[bool]:
    vouchers, files = Voucher.__table__.alias(), VoucherFile.__table__.alias()
    same = (vouchers.c.id == row.c.voucher_id) & (vouchers.c.connection_id == row.c.connection_id)
    its = (files.c.id == vouchers.c.file_id) & (files.c.connection_id == vouchers.c.connection_id)
    done = files.c.handover_state == HandoverState.DONE
    return exists(select(vouchers.c.id).join(files, its).where(same, done).correlate(row))


FATES: Mapping[str, Rows] = MappingProxyType(
    {
        "connections": Rows(
            "The row every other belongs to; a company has one for ever.",
            emptied={
                "company_name": NOTHING, "status_reason": NOTHING, "paused_by": NOTHING, "scopes": EMPTY_TEXT,
                "installation_id": NOTHING, "installation_status": NOTHING, "installation_read_at": NOTHING,
                "activating_since": NOTHING, "activating_by": NOTHING, "activation_refusal": NOTHING,
            },
            kept=_kept(_NAMES, "environment", "company_id", "subject_urn", "auth_method")
            | _kept(_OWN, "id", "status", "created_at", "updated_at", "activated_at", "disconnected_at"),
        ),
        "credentials": Rows(
            "Emptied; the row stays so that a refresh under way sees a new generation and stores nothing.",
            emptied=dict.fromkeys((
                "access_token_sealed", "refresh_token_sealed", "api_key_sealed", "expires_at", "expires_in",
                "refresh_holder", "refresh_until",
            )),
            kept=_kept(_OWN, "connection_id", "refreshed_at", "generation"),
        ),
        "browser_sessions": Rows("Signs a browser in.", deleted=True),
        "setup_drafts": Rows("What was entered and never put into force.", deleted=True),
        "erp_bindings": Rows(
            "Which books the postings are in, so that another ERP company is not taken for the same.",
            emptied={
                "settings_sealed": NOTHING, "company_key": NOTHING, "limits": NOTHING,
                "settings_shown": type_coerce({}, JSONB),
            },
            kept=_kept(_OWN, "connection_id", "bound_at", "bound_by")
            | _kept(
                "Names the books of the ledger; asked when the company is bound again, and told to a person.",
                "kind", "company_ref", "company_name", "registration_number", "currency",
            ),
        ),
        "config_versions": Rows(
            "How each posting was booked: part of the documentation of the books.",
            kept=_kept(_OWN, "connection_id", "version", "created_at", "created_by")
            | _kept("Account, tax and dimension codes; every posting names the version it used.", "body"),
        ),
        "subscriptions": Rows(
            "So that late deliveries are acknowledged and dropped (HOOK-047).",
            emptied={
                "pleo_id": NOTHING, "secret_sealed": NOTHING, "secret_read_at": NOTHING, "checked_at": NOTHING,
                "event_types": type_coerce([], JSONB),
            },
            kept=_kept(
                "The path; opens nothing without the secret, and is used again.", "path_token_hash", "path_token_sealed"
            )
            | _kept(_OWN, "connection_id", "ended_at"),
        ),
        "webhook_deliveries": Rows(
            "Shows for 30 days that every delivery came to an end, and that none is taken twice.",
            emptied={
                "event_id": NOTHING, "resource_id": NOTHING, "company_id": NOTHING,
                "event_type": case(
                    (
                        WebhookDelivery.event_type.in_(sorted(EXPORT_JOB_CREATED | VENDOR_CREATED)),
                        WebhookDelivery.event_type,
                    ),
                    else_=FORGOTTEN,
                ),
            },
            kept=_kept(_OWN, "id", "connection_id", "status", "received_at", "settled_at", "repeats")
            | _kept(_OWN, "replays", "replayed_at")
            | _kept("Staff, not the customer's people.", "replayed_by")
            | _kept("A sentence of ours, without names.", "note")
            | _kept("Pleo's number of the delivery.", "webhook_id"),
        ),
        "export_jobs": Rows(
            "The ledger names the job of each posting. An open one starts over when the company connects again.",
            emptied={
                "created_by": NOTHING, "failure_reason": NOTHING,
                "phase": case((ExportJob.phase == JobPhase.FETCHED, JobPhase.STARTED), else_=ExportJob.phase),
            },
            kept=_kept("Pleo's number of the job, so that a closed one is never worked again.", "pleo_job_id")
            | _kept(
                _OWN, "id", "connection_id", "pleo_created_at", "pleo_status", "found_by", "announced_at",
                "number_of_items", "vendor_based", "interactive", "expires_in", "last_action_at", "config_version",
                "claimed_at", "started_at", "closed_at", "failure_type", "counted",
            ),
        ),
        "export_job_events": Rows("The timeline of a job.", deleted=True),
        "export_items": Rows("Payloads, reasons and texts of expenses; the ledger has rows of its own.", deleted=True),
        "export_item_counts": Rows("Goes with the items it counts.", deleted=True),
        "postings": Rows(
            "The ledger.",
            emptied={
                "erp_url": NOTHING, "reversal_url": NOTHING, "reversal_reason": NOTHING, "reversal_by": NOTHING,
                # A person's word stays one, whoever it was.
                "note": case((Posting.by_hand, FORGOTTEN), else_=NOTHING),
                # Nobody comes back to an intent whose worker was stopped.
                "state": case((Posting.state == PostingState.INTENDED, PostingState.UNKNOWN), else_=Posting.state),
            },
            kept=_kept(
                _BOOKED, "accounting_entry_id", "revision", "total", "currency", "erp_kind", "document",
                "erp_id", "erp_number", "final", "intended_at", "booked_at", "posting_date", "by_hand", "moved_from",
                "reversal_state", "reversal_erp_id", "reversal_number", "reversal_at",
            )
            | _kept("Tells whether an expense that comes again is the same; cannot be read back.", "digest")
            | _kept(_OWN, "id", "connection_id", "config_version", "job_id", "fence"),
        ),
        "settlements": Rows("Vendors and invoice numbers. What stays open is matched in the ERP.", deleted=True),
        "observed_signs": Rows(
            "Which sign Pleo uses for a type of expense in this company: a wrong guess would book the wrong way round.",
            kept=_kept(_OWN, "connection_id", "type", "sub_type", "sign"),
        ),
        "voucher_books": Rows(
            "Which company the vouchers are of, so that it finds its numbers again.",
            kept=_kept(_OWN, "id", "connection_id", "opened_at", "written_at")
            | _kept(
                "Names the books of the ledger.",
                "kind", "company_ref", "company_name", "registration_number", "currency",
            ),
        ),
        "voucher_counters": Rows(
            "A number is never given twice.",
            kept=_kept(_OWN, "connection_id", "book_id", "series", "year", "last"),
        ),
        "voucher_files": Rows(
            "What was handed over, and what was not: that stays whole until somebody has taken it.",
            emptied={
                "content": case((_HANDED_OVER, NOTHING), else_=VoucherFile.__table__.c.content),
                "handover_place": NOTHING, "handover_error": NOTHING, "handover_due_at": NOTHING,
            },
            kept=_kept(
                _OWN, "id", "connection_id", "book_id", "name", "sha256", "size", "vouchers", "debit", "made_at",
                "handover_state", "handover_tries", "handed_over_at", "handover_fault", "handover_sent_at",
                "receipts_sha256", "receipts_size", "receipts_there_at", "fetched_at",
            ),
        ),
        "vouchers": Rows(
            "The ledger of what is booked into files. Its content stays whole until its file was handed over.",
            emptied={
                "body": case(
                    (_in_a_file_that_was_handed_over(Voucher.__table__), type_coerce({}, JSONB)),
                    else_=Voucher.__table__.c.body,
                ),
            },
            kept=_kept(
                _BOOKED, "series", "year", "number", "company_id", "accounting_entry_id", "revision", "takes_back",
                "reverses", "date", "total",
            )
            | _kept("Tells whether an expense that comes again is the same; cannot be read back.", "digest")
            | _kept(_OWN, "id", "connection_id", "book_id", "recorded_at", "file_id"),
        ),
        "voucher_receipts": Rows(
            "Which files stood with a voucher; their names are numbers of Pleo's.",
            kept=_kept(_OWN, "voucher_id", "position", "connection_id", "name", "type", "size", "sha256"),
        ),
        "voucher_pieces": Rows(
            "The receipts themselves: go once the file with their voucher was handed over.",
            deleted=True,
            once=_of_such_a_voucher(VoucherPiece.__table__),
        ),
        "leases": Rows(
            "The fence must go on rising.", kept=_kept(_OWN, "connection_id", "scope", "holder", "fence", "expires_at")
        ),
        "look_schedules": Rows("Made anew by the next poll of an active connection.", deleted=True),
        "sync_schedules": Rows("Made anew at the next activation.", deleted=True),
        "sync_runs": Rows("Names records of the ERP and of Pleo.", deleted=True),
        "vendor_links": Rows("Pairs of vendors; found again by the references in both systems.", deleted=True),
        "mapping_warnings": Rows("Names accounts, dimensions and vendors.", deleted=True),
        "audit_log": Rows(
            "Who did what: as long as books must be traceable.",
            emptied={"detail": _known_details()},
            kept=_kept("Staff and roles, not the customer's people.", "actor")
            | _kept(_OWN, "id", "at", "connection_id", "action"),
        ),
    }
)  # fmt: skip
"""Every table that belongs to companies."""

OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "connect_attempts": "Belongs to no company yet; deleted when its ten minutes are over.",
        "admin_sessions": "Belongs to the operations team; deleted when it is over.",
        "oidc_attempts": "Belongs to the operations team; deleted when its ten minutes are over.",
        "call_minutes": "Counts of calls without names; deleted after a month.",
        "delivery_refusals": "Counts without names; deleted after a year.",
        "work_failures": "Where a run failed, by kind of error and line of ours, never its text; goes with the work.",
        "rate_budgets": "A counter under the connection's number; deleted a month after the last call.",
        "invariant_checks": "One row a check, written anew by each; names rows by number.",
    }
)
"""Tables that belong to no company."""


def owner_column(table: Table) -> str:
    """The column of a company's table that names the connection."""
    return "id" if table.name == "connections" else "connection_id"


def undecided() -> list[str]:
    """Tables and columns of our metadata nobody has decided about, and decisions about what is not there."""
    found = []
    for table in Base.metadata.sorted_tables:
        if table.name in OTHERS:
            continue
        fate = FATES.get(table.name)
        if fate is None:
            found.append(table.name)
        elif not fate.deleted:
            decided, there = fate.emptied.keys() | fate.kept.keys(), {column.name for column in table.columns}
            found += [f"{table.name}.{name}" for name in decided ^ there]
            found += [f"{table.name}.{name}" for name in fate.emptied.keys() & fate.kept.keys()]
    return sorted(found + [name for name in (FATES.keys() | OTHERS.keys()) if name not in Base.metadata.tables])


def _done_to(fate: Rows) -> dict[str, list[str]]:
    """The emptied columns by what is done to them: an expression over the row keeps a part."""
    done: dict[str, list[str]] = {}
    for name, value in fate.emptied.items():
        whole = value is None or isinstance(value, BindParameter | TypeCoerce)
        done.setdefault("emptied" if whole else "reduced", []).append(name)
    return done


def page() -> str:
    """The table of docs/retention.md."""
    lines = ["| table, column | when the connection has ended | why |", "|---|---|---|"]
    for name, fate in FATES.items():
        lines.append(f"| **{name}** | {'deleted' if fate.deleted else 'stays'} | {fate.why} |")
        for word, names in _done_to(fate).items():
            lines.append(f"| {', '.join(f'`{column}`' for column in names)} | {word} | |")
        reasons: dict[str, list[str]] = {}
        for column, why in fate.kept.items():
            reasons.setdefault(why, []).append(f"`{column}`")
        lines += [f"| {', '.join(columns)} | kept | {why} |" for why, columns in reasons.items()]
    lines += [f"| **{name}** | – | {why} |" for name, why in OTHERS.items()]
    return "\n".join(lines) + "\n"

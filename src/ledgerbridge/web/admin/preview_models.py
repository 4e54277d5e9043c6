"""What the admin API takes and answers about a preview. Money is text; nothing here can hold a secret."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ledgerbridge.exports.fitting import Form
from ledgerbridge.exports.outlook import Outlook
from ledgerbridge.exports.preview import MOST_ITEMS
from ledgerbridge.exports.shown_entries import ShownKind

_JOB = "6f0e3b0e-5a0a-4f5f-9b57-0f6f3f6f2b11"


class PreviewWanted(BaseModel):
    """Which job or item is to be looked at, and with what configuration."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{}, {"job_id": _JOB}, {"job_id": _JOB, "entry_id": _JOB, "limit": 1}]},
    )

    job_id: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Our id or Pleo's; left out, the oldest export job that waits at Pleo."
    )
    entry_id: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None,
        description="Only this item. In a long job it may stand behind `next_cursor`: no items and a cursor mean that "
        "it was not among those looked through.",
    )
    configuration: dict[str, Any] | None = Field(
        default=None, description="As in `PUT .../config`: used instead of the stored one, and not stored."
    )
    limit: int = Field(default=50, ge=1, le=MOST_ITEMS, description="Items on one page.")
    cursor: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None, description="`next_cursor` of the page before, for the same job."
    )


class FoundProblem(BaseModel):
    """What speaks against something being booked."""

    failure: str = Field(description="Row of the failure table.", examples=["period_closed"])
    kind: str = Field(
        description="Who must act: config, data and auth need a person; transient and rate pass; bug is for us.",
        examples=["data"],
    )
    text: str = Field(description="In the bookkeeper's words: what is wrong and where to fix it.")


class PreviewJob(BaseModel):
    """The export job, as Pleo shows it just now."""

    pleo_job_id: str = Field(examples=[_JOB])
    status: str = Field(examples=["pending"])
    number_of_items: int
    created_at: dt.datetime
    vendor_based: bool = Field(description="Whether it may hold vendor bills.")


class PreviewDimension(BaseModel):
    dimension: str = Field(examples=["CC"])
    name: str = Field(examples=["Cost centre"])
    value: str = Field(examples=["CC02"])
    value_name: str | None = Field(examples=["Sales"])


class PreviewTax(BaseModel):
    """What the VAT return would be told of a line."""

    tax_id: str
    name: str | None = Field(examples=["Purchase VAT 25%"])
    kind: str = Field(description="base or tax.")
    amount: str = Field(examples=["100.00"])


class PreviewLine(BaseModel):
    """One debit or credit; the other of the two is 0.00."""

    account: str = Field(examples=["6.1.10"])
    account_name: str
    debit: str = Field(examples=["100.00"])
    credit: str = Field(examples=["0.00"])
    text: str
    dimensions: list[PreviewDimension]
    taxes: list[PreviewTax]
    vendor: str | None = Field(description="The ERP's id of the vendor on whose account the line is.")


class PreviewEntry(BaseModel):
    """One balanced entry; a bill that its item pays makes two."""

    kind: ShownKind
    journal: str
    journal_name: str
    date: dt.date
    original_date: dt.date = Field(description="The item's own; the posting date differs where that period is closed.")
    period: str | None = Field(description="The ERP's period it would land in.", examples=["2026-11"])
    currency: str = Field(examples=["DKK"])
    total: str = Field(examples=["125.00"])
    text: str
    vendor: str | None
    number: str | None = Field(description="The vendor's own number of a bill.")
    due_date: dt.date | None
    lines: list[PreviewLine]


class PreviewReceipt(BaseModel):
    """A file of the item by what Pleo says of it; it is not fetched."""

    name: str | None = Field(
        description="On the entry. Null where only its content shows what it is, or where the ERP cannot be given it.",
        examples=["R-1001-1.pdf"],
    )
    type: str | None = Field(examples=["application/pdf"])
    bytes: int | None
    taken: bool = Field(description="False where the ERP takes no files.")
    form: Form = Field(description="How the ERP would be given it; `none` fails the item.")
    joined: bool = Field(description="Whether it would be in one file with the item's other receipts.")


class PreviewItem(BaseModel):
    """What would become of one item."""

    id: str = Field(description="Pleo's accounting entry id.")
    accounting_entry_id: str
    outcome: Outlook
    type: str | None = Field(examples=["card_purchase"])
    date: dt.datetime | None
    amount: str | None = Field(description="In the currency of the wallet.", examples=["125.00"])
    currency: str | None
    text: str | None = Field(description="Supplier, vendor, person or note.")
    entries: list[PreviewEntry]
    final: bool = Field(description="Whether it would be final; else a draft.")
    revision: int | None
    replaces: str | None = Field(description="The entry that would be taken back first.")
    receipts: list[PreviewReceipt]
    problems: list[FoundProblem]
    told: str | None = Field(description="What Pleo would be told: all problems in one text.")
    failure_type: str | None = Field(description="The type Pleo would be told.")
    reason: str | None = Field(description="Why there is nothing to post.")


class Preview(BaseModel):
    """What would become of an export job. Nothing was written to look it up."""

    checked_at: dt.datetime
    job: PreviewJob | None = Field(description="Null when no job was named and none waits.")
    ended: bool = Field(
        description="The job is over, and Pleo no longer shows what was in it: see `/export-jobs/{job_id}/items`, or "
        "export again."
    )
    problems_of_the_job: list[FoundProblem] = Field(
        description="What would stop or delay the job as a whole; Pleo is told the first."
    )
    items: list[PreviewItem]
    without_data: int = Field(description="On the last page: items Pleo announced and sent no data for; they fail.")
    config_version: int | None = Field(description="Of the configuration used; null for one that was handed in.")
    next_cursor: str | None = Field(description="Pass as `cursor` for the next page; null on the last one.")

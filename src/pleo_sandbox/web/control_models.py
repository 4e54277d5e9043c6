"""Bodies of the control API; unknown members are refused, so that a slip in a test is seen."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pleo_sandbox.config import ALL_SCOPES
from pleo_sandbox.core.subscriptions import EXPORT_JOB_CREATED
from pleo_sandbox.web.control_items import ItemBody


class Body(BaseModel):
    """Base of all control bodies."""

    model_config = ConfigDict(extra="forbid")


class CompanyBody(Body):
    """A new company; an empty id is given one. Wallet currencies map to contra account codes."""

    name: str = Field(min_length=1)
    id: str = ""
    default_currency: str = "DKK"
    registration_number: str = "12345678"
    country: str = "DK"
    contra_accounts: dict[str, str] = {"DKK": "1.1.1"}


class ContraBody(Body):
    """Replaces a company's contra accounts; empty provokes ``MISSING_CONTRA_ACCOUNTS``."""

    contra_accounts: dict[str, str]


class ChartBody(Body):
    """ERP codes for seeds to use; see ``pleo_sandbox.seeds.chart`` for the names."""

    accounts: dict[str, str] = {}
    tax_codes: dict[str, str] = {}
    dimensions: dict[str, dict[str, Any]] = {}
    closed_date: str | None = None


class FileBody(Body):
    """A receipt to attach."""

    type: str
    base64: str


class PayloadBody(Body):
    """An export item given whole; ``verbatim`` keeps vendor and bookkeeping whatever the job says."""

    payload: dict[str, Any]
    files: list[FileBody] | None = None
    verbatim: bool = False
    expected_failure: str | None = None


class ExpensesBody(Body):
    """Expenses for the Export queue: by seed name, group, ``good`` or ``all``, described, and as whole payloads.

    ``vendor_id`` is for seeds of the set ``payables``. ``brief`` answers without the entries.
    """

    company_id: str
    seeds: list[str] = []
    items: list[ItemBody] = []
    vendor_id: str | None = None
    copies: int = Field(default=1, ge=1, le=100_000)
    chart: ChartBody | None = None
    custom: list[PayloadBody] = []
    brief: bool = False


class UnexportBody(Body):
    """Members of the payload to replace when an entry goes back to the queue."""

    changes: dict[str, Any] = {}


class ExportBody(Body):
    """Pressing Export. No entry ids: everything waiting. ``alongside`` allows a second unfinished job.

    ``items`` are queued first, and are all that is exported when no entry ids are given. ``brief`` answers without the
    job's items.
    """

    company_id: str
    items: list[ItemBody] = []
    entry_ids: list[str] | None = None
    is_interactive: bool = True
    vendor_based: bool = False
    expires_in: int | None = Field(default=None, ge=1)
    alongside: bool = False
    event_type: str = EXPORT_JOB_CREATED
    brief: bool = False


class AdvanceBody(Body):
    """Seconds to move the clock forward."""

    seconds: float = Field(ge=0)


class ClientBody(Body):
    """Registers or changes a client; members left out keep their present or default value."""

    client_id: str
    client_secret: str | None = None
    name: str | None = None
    redirect_uris: list[str] | None = None
    scopes: list[str] | None = None
    initiation_uri: str | None = None
    settings_uri: str | None = None
    needs_activation: bool | None = None


class ConsentBody(Body):
    """A person's decision on an authorise URL, without a browser. ``subject`` is a company id or a subject URN."""

    authorize_url: str
    subject: str = ""
    decision: Literal["allow", "deny"] = "allow"


class ApiKeyBody(Body):
    """A new API key of a company."""

    company_id: str
    name: str = "api-key"
    scopes: list[str] = list(ALL_SCOPES)


class TokensBody(Body):
    """Which authorisations: of a company, of a client, or all."""

    company_id: str | None = None
    client_id: str | None = None


class FaultBody(Body):
    """A fault to switch on; see ``pleo_sandbox.core.faults``. ``times`` null means until cleared."""

    kind: str
    method: str = "*"
    path: str = "**"
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    status: int = Field(default=503, ge=400, le=599)
    retry_after: int | str | None = None
    seconds: float = Field(default=0, ge=0, le=600)
    after_effect: bool = True
    copies: int = Field(default=1, ge=1, le=20)
    event_type: str = "*"
    entry_ids: list[str] = []
    error_type: str = "ACCOUNTING_ENTRY_UPDATE_FAILED"


class EventBody(Body):
    """Any event to announce to the subscriptions of a company; ``wrapped`` puts it under ``payload``."""

    company_id: str
    event_type: str
    data: dict[str, Any]
    event_id: str | None = None
    wrapped: bool = False


class RotateBody(Body):
    """How long the old signing secret goes on signing beside the new one."""

    overlap_seconds: float = Field(default=86400, ge=0)

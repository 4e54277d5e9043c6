"""The tables, one class each, with a sentence for every column that does not speak for itself.

A state column is text with its states and their meaning beside it; a check constraint holds the list. All times are
aware, in UTC. `*_sealed` columns hold ciphertext bound to table, column and row (see `store.vault`).
Everything a company owns carries `connection_id`; queries go through it (invariant 7: no query crosses companies).
"""

from ledgerbridge.store.tables.assurance import InvariantCheck
from ledgerbridge.store.tables.base import Base
from ledgerbridge.store.tables.connections import (
    AttemptPurpose,
    BrowserSession,
    ConfigVersion,
    ConnectAttempt,
    Connection,
    ConnectionStatus,
    Credential,
    ErpBinding,
)
from ledgerbridge.store.tables.console import (
    AdminSession,
    CalledSystem,
    CallMinute,
    CallOutcome,
    DeliveryRefusal,
    OidcAttempt,
    SetupDraft,
    SignInMethod,
    WorkFailure,
)
from ledgerbridge.store.tables.exports import (
    ExportItem,
    ExportItemCount,
    ExportJob,
    ItemState,
    JobEvent,
    JobPhase,
    ObservedSign,
    Posting,
    PostingState,
    ReversalState,
    Settlement,
    SettlementState,
)
from ledgerbridge.store.tables.polls import LookSchedule
from ledgerbridge.store.tables.records import AuditRecord, Lease, RateBudget
from ledgerbridge.store.tables.syncs import (
    LinkPhase,
    MappingWarning,
    SyncKind,
    SyncRun,
    SyncSchedule,
    SyncStatus,
    VendorLink,
)
from ledgerbridge.store.tables.vouchers import (
    HandoverState,
    Voucher,
    VoucherBookRow,
    VoucherCounter,
    VoucherFile,
    VoucherPiece,
    VoucherReceipt,
)
from ledgerbridge.store.tables.webhooks import DeliveryStatus, Subscription, WebhookDelivery

__all__ = [
    "AdminSession",
    "AttemptPurpose",
    "AuditRecord",
    "Base",
    "BrowserSession",
    "CallMinute",
    "CallOutcome",
    "CalledSystem",
    "ConfigVersion",
    "ConnectAttempt",
    "Connection",
    "ConnectionStatus",
    "Credential",
    "DeliveryRefusal",
    "DeliveryStatus",
    "ErpBinding",
    "ExportItem",
    "ExportItemCount",
    "ExportJob",
    "HandoverState",
    "InvariantCheck",
    "ItemState",
    "JobEvent",
    "JobPhase",
    "Lease",
    "LinkPhase",
    "LookSchedule",
    "MappingWarning",
    "ObservedSign",
    "OidcAttempt",
    "Posting",
    "PostingState",
    "RateBudget",
    "ReversalState",
    "Settlement",
    "SettlementState",
    "SetupDraft",
    "SignInMethod",
    "Subscription",
    "SyncKind",
    "SyncRun",
    "SyncSchedule",
    "SyncStatus",
    "VendorLink",
    "Voucher",
    "VoucherBookRow",
    "VoucherCounter",
    "VoucherFile",
    "VoucherPiece",
    "VoucherReceipt",
    "WebhookDelivery",
    "WorkFailure",
]

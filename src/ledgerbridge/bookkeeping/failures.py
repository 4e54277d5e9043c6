"""What can go wrong: the names of the failures and what a row about one of them holds.

The rows stand in `failure_table`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CONFIG_PAGE = "the Ledgerbridge settings of this company"
"""Where a person finds our settings, in the words of the rows."""


class Kind(StrEnum):
    """Who or what must change before another attempt can succeed."""

    CONFIG = "config"
    """The customer's set-up, in Pleo, in our settings or in the ERP."""
    DATA = "data"
    """The expense itself."""
    AUTH = "auth"
    """Somebody has to connect again or grant rights."""
    TRANSIENT = "transient"
    """Time."""
    RATE = "rate"
    """Time, and fewer calls."""
    BUG = "bug"
    """Us."""


@dataclass(frozen=True, slots=True)
class Row:
    kind: Kind
    item_type: str | None
    """`failureReasonType` on an export item (18 values, EXP-ERR-03)."""
    job_type: str | None
    """`failureReasonType` on a job event (15 values, of which we may send 10, EXP-ERR-04, -06)."""
    text: str
    """What is wrong and where to fix it; `{name}` places are filled from the problem's facts."""
    retry: bool = False
    """Whether the same call may be tried again by itself."""


class Failure(StrEnum):
    """Names of the rows."""

    # configuration of the connection
    NOT_CONFIGURED = "not_configured"
    JOURNAL_MISSING = "journal_missing"
    JOURNAL_UNKNOWN = "journal_unknown"
    JOURNAL_TAKES_NO_BILLS = "journal_takes_no_bills"
    BILLS_NOT_SET_UP = "bills_not_set_up"
    ACCOUNT_NOT_CONFIGURED = "account_not_configured"
    CONFIGURED_ACCOUNT_UNKNOWN = "configured_account_unknown"
    CONFIGURED_ACCOUNT_NEEDS_PARTY = "configured_account_needs_party"
    CONTRA_ACCOUNTS_MISSING = "contra_accounts_missing"
    CONTRA_ACCOUNT_UNKNOWN = "contra_account_unknown"
    ACCOUNTS_EQUAL = "accounts_equal"
    PAYABLE_ACCOUNT_MISSING = "payable_account_missing"
    DEFAULT_VENDOR_UNUSABLE = "default_vendor_unusable"
    TIME_ZONE_UNKNOWN = "time_zone_unknown"
    ERP_COMPANY_CHANGED = "erp_company_changed"
    ERP_COMPANY_UNKNOWN = "erp_company_unknown"
    METHOD_NOT_SUPPORTED = "method_not_supported"
    BILLS_NOT_SUPPORTED = "bills_not_supported"
    DRAFTS_NOT_SUPPORTED = "drafts_not_supported"
    DIMENSIONS_NOT_SUPPORTED = "dimensions_not_supported"
    WRONG_COMPANY = "wrong_company"
    # the item
    CATEGORY_MISSING = "category_missing"
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_AMBIGUOUS = "account_ambiguous"
    ACCOUNT_NEEDS_PARTY = "account_needs_party"
    TAX_CODE_MISSING = "tax_code_missing"
    TAX_CODE_UNKNOWN = "tax_code_unknown"
    TAX_ACCOUNT_MISSING = "tax_account_missing"
    TAX_ACCOUNT_UNKNOWN = "tax_account_unknown"
    TAX_NOT_SPLITTABLE = "tax_not_splittable"
    TAX_TYPE_UNKNOWN = "tax_type_unknown"
    TAX_TYPE_CONTRADICTS = "tax_type_contradicts"
    TAX_AMOUNTS_DISAGREE = "tax_amounts_disagree"
    TAG_UNKNOWN = "tag_unknown"
    TAG_REPEATED = "tag_repeated"
    DIMENSION_MISSING = "dimension_missing"
    TYPE_UNKNOWN = "type_unknown"
    SUB_TYPE_UNKNOWN = "sub_type_unknown"
    CURRENCY_UNDEFINED = "currency_undefined"
    CURRENCY_MISMATCH = "currency_mismatch"
    CURRENCIES_MIXED = "currencies_mixed"
    CURRENCIES_CONTRADICT = "currencies_contradict"
    LINES_DO_NOT_ADD_UP = "lines_do_not_add_up"
    LINES_WITHOUT_TOTAL = "lines_without_total"
    SIGN_UNEXPECTED = "sign_unexpected"
    AMOUNT_INVALID = "amount_invalid"
    PAYLOAD_MISSING = "payload_missing"
    PAYLOAD_UNREADABLE = "payload_unreadable"
    VENDOR_UNKNOWN = "vendor_unknown"
    VENDOR_BLOCKED = "vendor_blocked"
    VENDOR_AMBIGUOUS = "vendor_ambiguous"
    VENDOR_CONTRADICTORY = "vendor_contradictory"
    VENDOR_MISSING = "vendor_missing"
    VENDOR_ACCOUNT_UNKNOWN = "vendor_account_unknown"
    VENDOR_WITHOUT_ADDRESS = "vendor_without_address"
    BILL_SIMILAR = "bill_similar"
    SUPPLIER_UNKNOWN = "supplier_unknown"
    EMPLOYEE_WITHOUT_NUMBER = "employee_without_number"
    EMPLOYEE_UNKNOWN = "employee_unknown"
    PERIOD_CLOSED = "period_closed"
    NO_OPEN_PERIOD = "no_open_period"
    CHANGED_SINCE_BOOKED = "changed_since_booked"
    BOOKED_ELSEWHERE = "booked_elsewhere"
    # receipts
    RECEIPT_DOWNLOAD = "receipt_download"
    RECEIPT_NOT_KEPT = "receipt_not_kept"
    RECEIPT_TOO_LARGE = "receipt_too_large"
    RECEIPTS_TOO_MANY = "receipts_too_many"
    RECEIPT_UPLOAD = "receipt_upload"
    RECEIPT_CONVERSION = "receipt_conversion"
    RECEIPTS_NOT_JOINED = "receipts_not_joined"
    RECEIPT_NOT_PREPARED = "receipt_not_prepared"
    # the ERP
    ERP_ACCESS_UNREADABLE = "erp_access_unreadable"
    ERP_NOT_INSTALLED = "erp_not_installed"
    ERP_ADDRESS_REFUSED = "erp_address_refused"
    ERP_UNREACHABLE = "erp_unreachable"
    ERP_TIMEOUT = "erp_timeout"
    ERP_BUSY = "erp_busy"
    BOOK_AWAY = "book_away"
    ERP_RATE_LIMIT = "erp_rate_limit"
    ERP_AUTHENTICATION = "erp_authentication"
    ERP_FORBIDDEN = "erp_forbidden"
    ERP_LOCKED = "erp_locked"
    ERP_REFUSED = "erp_refused"
    ERP_FAULT = "erp_fault"
    OUTCOME_UNKNOWN = "outcome_unknown"
    OUTCOME_FOR_A_PERSON = "outcome_for_a_person"
    # taking back what was booked
    REVERSAL_MATCHED = "reversal_matched"
    REVERSAL_PERIOD_CLOSED = "reversal_period_closed"
    REVERSAL_OF_BILL_PERIOD_CLOSED = "reversal_of_bill_period_closed"
    REVERSAL_REFUSED = "reversal_refused"
    REVERSAL_UNKNOWN = "reversal_unknown"
    REVERSAL_PENDING = "reversal_pending"
    # vendors created in the ERP
    VENDOR_REFUSED = "vendor_refused"
    VENDOR_TAX_NUMBER_REFUSED = "vendor_tax_number_refused"
    VENDOR_UNCONFIRMED = "vendor_unconfirmed"
    VENDOR_SELECTION_UNKNOWN = "vendor_selection_unknown"
    # Pleo and ourselves
    PLEO_RATE_LIMIT = "pleo_rate_limit"
    PLEO_GIVES_NO_ITEMS = "pleo_gives_no_items"
    ALL_ITEMS_FAILED = "all_items_failed"
    REPORT_REFUSED = "report_refused"
    UNEXPECTED = "unexpected"

"""The rows of the failure table about vendors and what is owed to them (EXP-VENDOR-07, EXP-ERR-07)."""

# ruff: noqa: E501

from __future__ import annotations

from ledgerbridge.bookkeeping.failures import CONFIG_PAGE, Failure, Kind, Row

VENDOR_ROWS: dict[Failure, Row] = {
    Failure.PAYABLE_ACCOUNT_MISSING: Row(
        Kind.CONFIG, "missing_configuration", "missing_configuration",
        "Vendor {vendor} has no accounts payable account of its own, and none is set for all vendors. Set one in " + CONFIG_PAGE
        + ", or on the vendor in the accounting system, then export again.",
    ),
    Failure.DEFAULT_VENDOR_UNUSABLE: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The default vendor {vendor} does not exist, exists more than once or is blocked in the accounting system. Choose another one in "
        + CONFIG_PAGE + ", or revive it there, then export again.",
    ),
    Failure.VENDOR_UNKNOWN: Row(
        Kind.DATA, "vendor_unknown", None,
        "Vendor {vendor} does not exist in the accounting system, or is blocked there. Check the vendor there, or choose another one "
        "on the expense in Pleo, then export again.",
    ),
    Failure.VENDOR_BLOCKED: Row(
        Kind.DATA, "vendor_unknown", None,
        "Vendor {vendor} is blocked or inactive in the accounting system, where it is {erp}. Check the vendor and unlock it there, or "
        "choose another one on the expense in Pleo, then export again.",
    ),
    Failure.VENDOR_AMBIGUOUS: Row(
        Kind.DATA, "vendor_unknown", None,
        "Vendor {vendor} could be more than one vendor of the accounting system: {found}. Give them different numbers there, or give "
        "the vendor in Pleo the number of the right one, then export again.",
    ),
    Failure.VENDOR_CONTRADICTORY: Row(
        Kind.DATA, "vendor_unknown", None,
        "Vendor {vendor} points to different vendors of the accounting system: {points}. Correct the vendor in Pleo or there, so that "
        "both name the same one, then export again.",
    ),
    Failure.VENDOR_MISSING: Row(
        Kind.DATA, "vendor_unknown", None,
        "This {type} is to be booked on the account of a vendor, but none is chosen. Choose the vendor on the expense in Pleo, or set a "
        "default vendor in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.VENDOR_ACCOUNT_UNKNOWN: Row(
        Kind.DATA, "account_unknown", None,
        "The accounts payable account {code} of vendor {vendor} does not exist or is closed in the accounting system. Choose another "
        "account for the vendor there, or reopen it, then export again.",
    ),
    Failure.VENDOR_WITHOUT_ADDRESS: Row(
        Kind.DATA, "vendor_unknown", None,
        "Vendor {vendor} has no address in the accounting system, and a bill there needs one. Add an address to the vendor there, then "
        "export again.",
    ),
    Failure.BILL_SIMILAR: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting system already has the bill {reference} of {vendor} with the number {number}, so this one was not booked. If they "
        "are the same purchase, mark this one as exported in Pleo or remove the other bill there; if not, correct the invoice number.",
    ),
    Failure.SUPPLIER_UNKNOWN: Row(
        Kind.DATA, "vendor_unknown", None,
        "Supplier {supplier} is not known as a vendor in the accounting system, and accounts payable account {code} needs one on every line. "
        "Create the vendor there and give the supplier its number in Pleo, or set a default vendor in " + CONFIG_PAGE
        + ", then export again.",
    ),
    Failure.EMPLOYEE_WITHOUT_NUMBER: Row(
        Kind.DATA, "vendor_unknown", None,
        "{person} has no employee number in Pleo, so we cannot tell on which vendor account to book what is owed. Enter the number of "
        "that vendor as employee code in Pleo, or set a default vendor in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.EMPLOYEE_UNKNOWN: Row(
        Kind.DATA, "vendor_unknown", None,
        "The accounting system has no vendor with the employee number {number} of {person}. Create it there, or correct the employee "
        "code in Pleo, then export again.",
    ),
}  # fmt: skip

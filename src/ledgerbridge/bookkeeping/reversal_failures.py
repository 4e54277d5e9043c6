"""The rows of the failure table about taking back what was booked (EXP-IDEM-07)."""

# ruff: noqa: E501

from __future__ import annotations

from ledgerbridge.bookkeeping.failures import CONFIG_PAGE, Failure, Kind, Row

REVERSAL_ROWS: dict[Failure, Row] = {
    Failure.REVERSAL_MATCHED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "{reference} is matched with other entries in the accounting system, paid for instance, so it was not taken back. Take that match "
        "apart there, or reverse {reference} there by hand, then try again.",
    ),
    Failure.REVERSAL_PERIOD_CLOSED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting period of {date} is closed or not set up, so {reference} was not taken back. Open it in the accounting system, allow "
        "moving entries to an open period in " + CONFIG_PAGE + ", or reverse {reference} there by hand, then try again.",
    ),
    Failure.REVERSAL_OF_BILL_PERIOD_CLOSED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting period of {date} is closed, and the accounting system takes back a bill only in its own period, so {reference} stands "
        "as before. Open the period there, or make a credit note over the whole bill there by hand, then try again.",
    ),
    Failure.REVERSAL_REFUSED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting system did not let us take back {reference}: {message} Correct that there, or reverse {reference} there by hand, "
        "then try again.",
    ),
    Failure.REVERSAL_UNKNOWN: Row(
        Kind.TRANSIENT, "accounting_system_timeout", None,
        "The accounting system did not confirm that {reference} is taken back. Try again in a few minutes: we look there first and "
        "never take it back twice.",
    ),
    Failure.REVERSAL_PENDING: Row(
        Kind.TRANSIENT, "accounting_system_timeout", None,
        "The earlier booking {reference} of this expense is being taken back, which the accounting system has not confirmed yet. Nothing was "
        "booked beside it. Export again in a few minutes.",
    ),
}  # fmt: skip

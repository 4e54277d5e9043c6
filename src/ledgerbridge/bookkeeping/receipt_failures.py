"""Rows of the failure table about receipts: fetching them, and giving them a form that the ERP takes (EXP-ATT-14)."""

# ruff: noqa: E501

from __future__ import annotations

from ledgerbridge.bookkeeping.failures import Failure, Kind, Row

RECEIPT_ROWS: dict[Failure, Row] = {
    Failure.RECEIPT_DOWNLOAD: Row(
        Kind.TRANSIENT, "receipt_download_failure", None,
        "Receipt {name} could not be fetched from Pleo. Nothing was booked. Open the receipt in Pleo to check it, then export again.",
    ),
    Failure.RECEIPT_NOT_KEPT: Row(
        Kind.TRANSIENT, "receipt_download_failure", None,
        "Receipt {name} could not be handed on, because the integration has no storage left for it. Nothing was booked. "
        "Export again in an hour, and contact support if this happens again.",
    ),
    Failure.RECEIPT_TOO_LARGE: Row(
        Kind.DATA, "receipt_file_size_limit_exceeded", None,
        "Receipt {name} is larger than the accounting system accepts ({size} against {limit}). Nothing was booked. "
        "Upload a smaller file in Pleo, or raise the limit there, then export again.",
    ),
    Failure.RECEIPTS_TOO_MANY: Row(
        Kind.DATA, "receipt_file_size_limit_exceeded", None,
        "The receipts of this expense are too many or too large together ({size} against {limit}). Nothing was booked. "
        "Remove some in Pleo, or upload smaller files, then export again.",
    ),
    Failure.RECEIPT_UPLOAD: Row(
        Kind.DATA, "receipt_upload_failure", None,
        "The accounting system did not accept receipt {name}: {detail}. Check the file in Pleo, then export again.",
    ),
    Failure.RECEIPT_CONVERSION: Row(
        Kind.DATA, "receipt_conversion_failure", None,
        "Receipt {name} cannot be given to the accounting system: {reason}. Nothing was booked. "
        "Upload it in Pleo as {types}, then export again.",
    ),
    Failure.RECEIPTS_NOT_JOINED: Row(
        Kind.DATA, "receipt_conversion_failure", None,
        "The accounting system takes one file for each expense, and the {count} receipts of this one cannot be made into one: "
        "{reason}. Nothing was booked. Upload them in Pleo as {types}, or keep only one there, then export again.",
    ),
    Failure.RECEIPT_NOT_PREPARED: Row(
        Kind.TRANSIENT, "receipt_conversion_failure", None,
        "The receipts of this expense could not be given the form that the accounting system takes, because the integration did not "
        "come to it. Nothing was booked. Export again in an hour, and contact support if this happens again.",
    ),
}  # fmt: skip
"""Every failure about receipts has its row here."""

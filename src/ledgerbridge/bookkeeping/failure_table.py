"""The failure table: who must act, what Pleo is told, and the words a bookkeeper reads.

One row a failure. Add a row, not an `if`. Pleo's two enums differ: an item type never goes on a job event or the
reverse (EXP-ERR-03 to -06), so each row names both, or None where the failure cannot stop an item or a job.
"""

# ruff: noqa: E501

from __future__ import annotations

from types import MappingProxyType

from ledgerbridge.bookkeeping.failures import CONFIG_PAGE, Failure, Kind, Row
from ledgerbridge.bookkeeping.receipt_failures import RECEIPT_ROWS
from ledgerbridge.bookkeeping.reversal_failures import REVERSAL_ROWS
from ledgerbridge.bookkeeping.vendor_failures import VENDOR_ROWS

_TABLE: dict[Failure, Row] = {
    Failure.NOT_CONFIGURED: Row(
        Kind.CONFIG, "missing_configuration", "missing_configuration",
        "The integration is not set up yet: {missing} missing. Finish the set-up in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.JOURNAL_MISSING: Row(
        Kind.CONFIG, "missing_configuration", "missing_configuration",
        "No journal is chosen. Choose one in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.JOURNAL_UNKNOWN: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "Journal {code} does not exist in the accounting system. Choose another one in " + CONFIG_PAGE + ", or create it there.",
    ),
    Failure.JOURNAL_TAKES_NO_BILLS: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "Journal {code} takes no vendor bills in the accounting system. Choose a journal for expenses in " + CONFIG_PAGE
        + ", then export again.",
    ),
    Failure.BILLS_NOT_SET_UP: Row(
        Kind.CONFIG, "missing_configuration", "missing_configuration",
        "The accounting system cannot take vendor bills yet: {missing}. Set that up there, then export again.",
    ),
    Failure.ACCOUNT_NOT_CONFIGURED: Row(
        Kind.CONFIG, "missing_configuration", "missing_configuration",
        "No {role} account is set for {currency}. Set it in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.CONFIGURED_ACCOUNT_UNKNOWN: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The {role} account {code} does not exist or is closed in the accounting system. Choose another one in "
        + CONFIG_PAGE + ", or reopen it there.",
    ),
    Failure.CONFIGURED_ACCOUNT_NEEDS_PARTY: Row(
        Kind.DATA, "invalid_configuration", "invalid_configuration",
        "The {role} account {code} needs a supplier or customer on every line, which a journal entry from Pleo does not "
        "have. Choose another one in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.CONTRA_ACCOUNTS_MISSING: Row(
        Kind.CONFIG, "missing_configuration", "missing_configuration",
        "Pleo has no contra account for {currencies}. Add it in Pleo under Settings, Accounting, Contra accounts, then export again.",
    ),
    Failure.CONTRA_ACCOUNT_UNKNOWN: Row(
        Kind.CONFIG, "account_unknown", None,
        "Contra account {code} ({name}) does not exist or is closed in the accounting system. Choose another one in Pleo under "
        "Settings, Accounting, Contra accounts, or reopen it there, then export again.",
    ),
    Failure.ACCOUNTS_EQUAL: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The {one} account and the {other} account are both {code}, so the entry would move nothing. "
        "Choose another account for one of them, then export again.",
    ),
    Failure.TIME_ZONE_UNKNOWN: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The time zone {time_zone} is not known. Choose one like Europe/Copenhagen in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.ERP_COMPANY_CHANGED: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The accounting system now answers as {actual}, but this connection was set up for {expected}. "
        "Nothing was booked. Check the connection in " + CONFIG_PAGE + ".",
    ),
    Failure.ERP_COMPANY_UNKNOWN: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "Company {company} is not visible in the accounting system with the present access. "
        "Give the integration user access to it, or choose another company in " + CONFIG_PAGE + ".",
    ),
    Failure.METHOD_NOT_SUPPORTED: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "This expense is to be booked as {method}, which this connection does not support. "
        "Choose journal bookkeeping for it in Pleo, then export again.",
    ),
    Failure.BILLS_NOT_SUPPORTED: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "This export is for accounts payable, and the connected accounting system takes no vendor bills. Nothing was booked. "
        "Choose journal bookkeeping in Pleo, or connect an accounting system that takes bills, then export again.",
    ),
    Failure.DRAFTS_NOT_SUPPORTED: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "Entries are to be booked as drafts, and the connected accounting system keeps none. Nothing was booked. "
        "Choose final entries in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.DIMENSIONS_NOT_SUPPORTED: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "Entries are to carry {codes}, and the connected accounting system takes no dimensions. Nothing was booked. "
        "Keep none of them in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.WRONG_COMPANY: Row(
        Kind.BUG, "validation_failure", "invalid_configuration",
        "This export belongs to another Pleo company than the one connected here. Nothing was booked. Contact support.",
    ),
    Failure.CATEGORY_MISSING: Row(
        Kind.DATA, "missing_configuration", None,
        "{line} has no category, so there is no account to book it on. Choose a category in Pleo, then export again.",
    ),
    Failure.ACCOUNT_UNKNOWN: Row(
        Kind.DATA, "account_unknown", None,
        "Account {code} ({name}) does not exist or is closed in the accounting system. "
        "Choose another category on the expense in Pleo, or reopen the account there, then export again.",
    ),
    Failure.ACCOUNT_AMBIGUOUS: Row(
        Kind.DATA, "account_unknown", "invalid_configuration",
        "Account code {code} exists more than once in the accounting system, so we cannot tell which one is meant. "
        "Give the accounts different codes there, or choose another account, then export again.",
    ),
    Failure.ACCOUNT_NEEDS_PARTY: Row(
        Kind.DATA, "account_unknown", "invalid_configuration",
        "Account {code} needs a supplier or customer on every line, which a journal entry from Pleo does not have. "
        "Choose another account, then export again.",
    ),
    Failure.TAX_CODE_MISSING: Row(
        Kind.DATA, "tax_code_unknown", None,
        "{line} has VAT of {tax} but no tax code, so there is no VAT account to book it on. Choose a tax code in Pleo, then export again.",
    ),
    Failure.TAX_CODE_UNKNOWN: Row(
        Kind.DATA, "tax_code_unknown", None,
        "Tax code {code} does not exist in the accounting system. Choose another tax code on the expense in Pleo, "
        "or map or revive the code, then export again.",
    ),
    Failure.TAX_ACCOUNT_MISSING: Row(
        Kind.CONFIG, "invalid_configuration", None,
        "Tax code {code} has no VAT account in the accounting system. Set one on the tax there, then export again.",
    ),
    Failure.TAX_ACCOUNT_UNKNOWN: Row(
        Kind.CONFIG, "account_unknown", None,
        "VAT account {account} of tax code {code} does not exist or is closed in the accounting system. "
        "Choose another VAT account for the tax code, or reopen the account there, then export again.",
    ),
    Failure.TAX_NOT_SPLITTABLE: Row(
        Kind.CONFIG, "invalid_configuration", None,
        "Tax code {code} is made of several taxes in the accounting system, and we do not guess how VAT is shared between them. "
        "Choose another tax code on the expense in Pleo, or map the code to a single tax in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.TAX_TYPE_CONTRADICTS: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent {type} VAT for tax code {code}, but in the accounting system that tax {erp}. "
        "Choose another tax code on the expense in Pleo, or map the code to the right tax in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.TAX_TYPE_UNKNOWN: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent the tax type {type}, which we do not know how to book. Choose another tax code on the expense in Pleo, then export again.",
    ),
    Failure.TAX_AMOUNTS_DISAGREE: Row(
        Kind.DATA, "validation_failure", None,
        "Net amount {net} and VAT {tax} do not make the line amount {line_amount} ({tax_type} VAT). "
        "Check the VAT on the expense in Pleo, then export again.",
    ),
    Failure.TAG_UNKNOWN: Row(
        Kind.DATA, "tag_unknown", None,
        "Tag {code} of {group} does not exist in the accounting system. Choose another tag on the expense in Pleo, "
        "or revive it there, then export again.",
    ),
    Failure.TAG_REPEATED: Row(
        Kind.DATA, "validation_failure", None,
        "The line has more than one tag of {group}: {codes}. Keep one of them in Pleo, then export again.",
    ),
    Failure.DIMENSION_MISSING: Row(
        Kind.DATA, "tag_unknown", None,
        "The accounting system wants a {dimension} on account {account}, but the expense has no such tag. "
        "Add the tag in Pleo, then export again.",
    ),
    Failure.TYPE_UNKNOWN: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent an item of type {type}, which we do not know how to book. Nothing was guessed; book it by hand or contact support.",
    ),
    Failure.SUB_TYPE_UNKNOWN: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent {type} with the sub type {sub_type}, which we do not know how to book. "
        "Nothing was guessed; book it by hand or contact support.",
    ),
    Failure.CURRENCY_UNDEFINED: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent this item without a currency. Check the amount in Pleo or contact support.",
    ),
    Failure.CURRENCY_MISMATCH: Row(
        Kind.DATA, "validation_failure", None,
        "The item is in {currency}, but the books of the ERP company are kept in {books}. "
        "We do not convert amounts; book it by hand or export from a wallet in {books}.",
    ),
    Failure.CURRENCIES_MIXED: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent amounts in {currencies} inside one item, which cannot be added up. Book it by hand or contact support.",
    ),
    Failure.CURRENCIES_CONTRADICT: Row(
        Kind.DATA, "validation_failure", None,
        "{line} has {wallet} in one currency and {supplier} in the other, which do not go the same way. "
        "Check the amounts in Pleo, book it by hand or contact support.",
    ),
    Failure.LINES_DO_NOT_ADD_UP: Row(
        Kind.DATA, "validation_failure", None,
        "The lines add up to {lines}, but the item total is {total}. Check the split in Pleo, then export again.",
    ),
    Failure.LINES_WITHOUT_TOTAL: Row(
        Kind.DATA, "validation_failure", None,
        "The item total is 0, but its lines are not, so we cannot tell which way to book them. Book it by hand or contact support.",
    ),
    Failure.SIGN_UNEXPECTED: Row(
        Kind.DATA, "validation_failure", None,
        "The amount {amount} has a sign that is unusual for {type}. It was not booked so that somebody can look at it first; "
        "book it by hand or contact support.",
    ),
    Failure.AMOUNT_INVALID: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent the amount {value}, which is not a whole number of cents of a size that can be booked. Check the amount in Pleo or contact support.",
    ),
    Failure.PAYLOAD_MISSING: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo listed this item in the export but sent no bookkeeping data for it. Export it again; if that does not help, contact support.",
    ),
    Failure.PAYLOAD_UNREADABLE: Row(
        Kind.DATA, "validation_failure", None,
        "Pleo sent data for this item that we cannot read ({detail}). Export it again; if that does not help, contact support.",
    ),
    Failure.PERIOD_CLOSED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting period of {date} is closed or not set up. Open it in the accounting system, or allow moving entries to an open period in "
        + CONFIG_PAGE + "; an out-of-pocket expense can also get another date in Pleo. Then export again.",
    ),
    Failure.NO_OPEN_PERIOD: Row(
        Kind.CONFIG, "accounting_system_validation_failure", None,
        "There is no open accounting period on or after {date}. Open one in the accounting system, then export again.",
    ),
    Failure.CHANGED_SINCE_BOOKED: Row(
        Kind.DATA, "validation_failure", None,
        "This expense was booked before as {reference} with other contents. It was not booked a second time. "
        "Reverse the existing entry in the accounting system or correct it there.",
    ),
    Failure.BOOKED_ELSEWHERE: Row(
        Kind.DATA, "validation_failure", None,
        "The accounting system already has the entry {reference} for this expense, with another amount. It was not booked a second time. "
        "Check that entry and correct or remove it, then export again.",
    ),
    Failure.ERP_ACCESS_UNREADABLE: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The access to the accounting system that we stored cannot be read. Contact support, or enter it again in " + CONFIG_PAGE
        + ", then export again.",
    ),
    Failure.ERP_NOT_INSTALLED: Row(
        Kind.CONFIG, "unexpected_failure", "integration_unusable",
        "The part of the integration that speaks to this accounting system ({kind}) is not installed, or does not work. "
        "Nothing was booked. Contact support; once it works again, export again.",
    ),
    Failure.ERP_ADDRESS_REFUSED: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The address of the accounting system cannot be used: {address}. Enter one that is reachable from the internet in "
        + CONFIG_PAGE + ", or ask support to allow this one, then export again.",
    ),
    Failure.ERP_UNREACHABLE: Row(
        Kind.TRANSIENT, "accounting_system_unreachable", "accounting_system_unreachable",
        "Failed to reach the Accounting System. Check that it is running and reachable, then export again.", retry=True,
    ),
    Failure.ERP_TIMEOUT: Row(
        Kind.TRANSIENT, "accounting_system_timeout", "accounting_system_timeout",
        "The accounting system did not answer in time. Try again later.", retry=True,
    ),
    Failure.ERP_BUSY: Row(
        Kind.TRANSIENT, "accounting_system_unreachable", "accounting_system_unreachable",
        "The accounting system was busy with other entries for too long. Try again later.", retry=True,
    ),
    Failure.BOOK_AWAY: Row(
        Kind.TRANSIENT, "accounting_system_unreachable", "accounting_system_unreachable",
        "The book of vouchers could not be written just now. Nothing was booked for this item. Export it again later.",
        retry=True,
    ),
    Failure.ERP_RATE_LIMIT: Row(
        Kind.RATE, "accounting_system_rate_limit", "accounting_system_rate_limit",
        "The accounting system refused further calls for now. Try again later.", retry=True,
    ),
    Failure.ERP_AUTHENTICATION: Row(
        Kind.AUTH, "accounting_system_authentication_failure", "accounting_system_authentication_failure",
        "The accounting system refused our access key. Enter a valid key in " + CONFIG_PAGE + ", then export again.",
    ),
    Failure.ERP_FORBIDDEN: Row(
        Kind.AUTH, "authorization_failure", "authorization_failure",
        "The integration user may not {action} in the accounting system. Give it that right there, then export again.",
    ),
    Failure.ERP_LOCKED: Row(
        Kind.CONFIG, "accounting_system_validation_failure", "invalid_configuration",
        "The company {company} is locked or read-only in the accounting system. Unlock it there, then export again.",
    ),
    Failure.ERP_REFUSED: Row(
        Kind.DATA, "accounting_system_validation_failure", "validation_failure",
        "The accounting system refused the entry: {message} Correct the expense in Pleo or the set-up there, then export again.",
    ),
    Failure.ERP_FAULT: Row(
        Kind.BUG, "unexpected_failure", "integration_unusable",
        "The accounting system and our integration do not understand each other here. Nothing was booked for this item. Contact support.",
    ),
    Failure.OUTCOME_UNKNOWN: Row(
        Kind.TRANSIENT, "accounting_system_timeout", None,
        "The accounting system did not confirm this entry, so we cannot tell whether it was booked. Look there for {reference} before "
        "exporting again; we will look, too, and never book it twice.",
    ),
    Failure.OUTCOME_FOR_A_PERSON: Row(
        Kind.TRANSIENT, "accounting_system_timeout", None,
        "The accounting system did not confirm this entry, and we cannot search for it there, so we cannot tell whether it was booked. "
        "Look there for {reference} and contact support: with its number if it is there, or to have it booked if it is not. Until then "
        "we do not book it, so that it is never booked twice.",
    ),
    Failure.VENDOR_REFUSED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting system refused to create vendor {vendor}: {message} Correct the vendor in Pleo, or create it in the accounting "
        "system by hand.",
    ),
    Failure.VENDOR_TAX_NUMBER_REFUSED: Row(
        Kind.DATA, "accounting_system_validation_failure", None,
        "The accounting system refused to create vendor {vendor} with the VAT or tax number {number}: {message} Correct the number in "
        "Pleo, or create the vendor in the accounting system by hand.",
    ),
    Failure.VENDOR_UNCONFIRMED: Row(
        Kind.TRANSIENT, "accounting_system_timeout", None,
        "The accounting system did not confirm vendor {vendor}, so we cannot tell whether it was created. We will try again and look for "
        "number {reference} first, so that it is never created twice.", retry=True,
    ),
    Failure.VENDOR_SELECTION_UNKNOWN: Row(
        Kind.CONFIG, "invalid_configuration", "invalid_configuration",
        "The vendors are limited to {selection}, which is not there in the accounting system, or there more than once. Choose another "
        "one in " + CONFIG_PAGE + ", or create it there.",
    ),
    Failure.PLEO_RATE_LIMIT: Row(
        Kind.RATE, "unexpected_failure", "pleo_rate_limit",
        "Pleo refused further calls for too long. Export again later.", retry=True,
    ),
    Failure.PLEO_GIVES_NO_ITEMS: Row(
        Kind.TRANSIENT, "unexpected_failure", "integration_unusable",
        "Pleo did not hand over the expenses of this export, however often we asked. Export these items again later; if that does not help, "
        "contact Pleo's support.",
    ),
    Failure.ALL_ITEMS_FAILED: Row(
        Kind.DATA, None, "validation_failure",
        "None of the {count} items could be exported. The reason stands beside each item; correct them, then export again.",
    ),
    Failure.REPORT_REFUSED: Row(
        Kind.BUG, None, "validation_failure",
        "Pleo did not accept the outcome of {count} items. What was booked stays booked; export these items again and they will be "
        "recognised, never booked twice.",
    ),
    Failure.UNEXPECTED: Row(
        Kind.BUG, "unexpected_failure", "integration_unusable",
        "Something unexpected went wrong on our side. We have been told; export again later. What is booked already is recognised, never "
        "booked twice.",
    ),
}  # fmt: skip

TABLE = MappingProxyType(_TABLE | RECEIPT_ROWS | VENDOR_ROWS | REVERSAL_ROWS)
"""Every failure has exactly one row."""

"""What is wrong with a configuration, seen against the chart it is meant for.

The same faults answer two questions: may this configuration be saved, and may a job be worked with it (EXP-VALID-13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from ledgerbridge.bookkeeping import accounts, period
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.posting_table import Role
from ledgerbridge.bookkeeping.problem import Failed, Failure, Problem, of_chart, problem
from ledgerbridge.bookkeeping.vendors import VendorIndex, default
from ledgerbridge.bookkeeping.words import Account, Chart, Configuration

MOST_DIMENSIONS = 5

_REASONS = {
    Failure.ACCOUNT_NOT_CONFIGURED: "An account is needed here.",
    Failure.CONFIGURED_ACCOUNT_UNKNOWN: "Account {code} does not exist in the accounting system or is closed there.",
    Failure.ACCOUNT_AMBIGUOUS: "Account code {code} exists more than once in the accounting system.",
    Failure.CONFIGURED_ACCOUNT_NEEDS_PARTY: "Account {code} needs a supplier or customer on every line, "
    "which entries from Pleo do not have.",
}


@dataclass(frozen=True, slots=True)
class ConfigurationFault:
    """One thing a person has to correct."""

    path: str
    """Where it stands in the JSON configuration: `accounts.wallet.DKK`."""
    text: str
    """What is wrong, in one sentence."""
    problem: Problem | None = None
    """Set where no item could be booked well, so that a job fails as a whole."""


def check(config: Configuration, chart: Chart, vendors: VendorIndex | None = None) -> tuple[ConfigurationFault, ...]:
    """Every fault of a configuration; empty when it may be saved.

    `vendors` must hold at least the default vendor, as far as the ERP has it; without them it is not looked at.
    """
    return (*_faults(config, ChartIndex(chart)), *_default_vendor(config, vendors))


def check_job(config: Configuration, chart: ChartIndex) -> tuple[Problem, ...]:
    """The faults that fail a whole job: its journal, its time zone, and the wallet and out-of-pocket accounts.

    What only accounts payable needs, its account and the default vendor, fails the items that meet it.
    """
    found = (fault.problem for fault in _faults(config, chart) if fault.problem is not None)
    return tuple(of_chart(one, chart.renewed_by) for one in found)


def _default_vendor(config: Configuration, vendors: VendorIndex | None) -> Iterator[ConfigurationFault]:
    if config.default_vendor and vendors is not None and isinstance(default(vendors, config), Failed):
        text = f"Vendor {config.default_vendor} does not exist in the accounting system, is blocked, or exists twice."
        yield ConfigurationFault("default_vendor", text)


def _faults(config: Configuration, chart: ChartIndex) -> tuple[ConfigurationFault, ...]:
    return (
        *_journal(config, chart),
        *_accounts(config, chart),
        *_time_zone(config),
        *_tax_codes(config, chart),
        *_dimensions(config, chart),
    )


def _journal(config: Configuration, chart: ChartIndex) -> Iterator[ConfigurationFault]:
    code = config.journal
    if not code:
        yield ConfigurationFault("journal", "A journal is needed here.", problem(Failure.JOURNAL_MISSING))
    elif len(chart.journals(code)) != 1:
        text = f"Journal {code} does not exist in the accounting system, or exists more than once."
        yield ConfigurationFault("journal", text, problem(Failure.JOURNAL_UNKNOWN, code=code))


def _time_zone(config: Configuration) -> Iterator[ConfigurationFault]:
    found = period.zone(config.time_zone)
    if isinstance(found, Failed):
        text = f"{config.time_zone or '(none)'} is no time zone we know; Europe/Copenhagen would be one."
        yield ConfigurationFault("time_zone", text, found.problems[0])


def _tax_codes(config: Configuration, chart: ChartIndex) -> Iterator[ConfigurationFault]:
    for code, erp_id in config.tax_codes.items():
        if chart.tax_by_id(erp_id) is None:
            text = f"Tax {erp_id} does not exist in the accounting system or is retired there."
            yield ConfigurationFault(f"tax.codes.{code}", text)


def _dimensions(config: Configuration, chart: ChartIndex) -> Iterator[ConfigurationFault]:
    if len(config.dimensions) > MOST_DIMENSIONS:
        text = f"At most {MOST_DIMENSIONS} dimensions can be carried; these are {len(config.dimensions)}."
        yield ConfigurationFault("dimensions", text)
    times = Counter(code.casefold() for code in config.dimensions)
    for position, code in enumerate(config.dimensions):
        if chart.dimension(code) is None:
            text = f"Dimension {code} does not exist in the accounting system."
            yield ConfigurationFault(f"dimensions.{position}", text)
        if times[code.casefold()] > 1:
            yield ConfigurationFault(f"dimensions.{position}", f"Dimension {code} is listed more than once.")


@dataclass(frozen=True, slots=True)
class _Place:
    """One configured account and where it stands."""

    path: str
    role: Role
    code: str | None
    currency: str
    fails_job: bool


def _places(config: Configuration, chart: ChartIndex) -> Iterator[_Place]:
    chosen = config.accounts
    for currency, code in chosen.wallet.items():
        yield _Place(f"accounts.wallet.{currency}", Role.WALLET, code, currency, fails_job=True)
    if not {chart.currency, accounts.ANY_CURRENCY} & chosen.wallet.keys():
        yield _Place(f"accounts.wallet.{chart.currency}", Role.WALLET, None, chart.currency, fails_job=True)
    currency = chart.currency
    yield _Place("accounts.out_of_pocket", Role.OUT_OF_POCKET, chosen.out_of_pocket, currency, fails_job=True)
    yield _Place("accounts.contra", Role.CONTRA, chosen.contra, currency, fails_job=False)
    external = chosen.external_reimbursement
    if external is not None:
        yield _Place("accounts.external_reimbursement", Role.EXTERNAL, external, currency, fails_job=False)
    if chosen.payable is not None:
        yield _Place("accounts.payable", Role.PAYABLE, chosen.payable, currency, fails_job=False)


def _accounts(config: Configuration, chart: ChartIndex) -> Iterator[ConfigurationFault]:
    places = list(_places(config, chart))
    for place in places:
        found = accounts.configured_account(place.role, place.code, place.currency, chart)
        yield from _unusable(place, found, chart)
    for one, other in combinations(places, 2):
        if one.code and one.code == other.code and _must_differ(one.role, other.role, config):
            text = f"The {one.role} account and the {other.role} account must differ; both are {one.code}."
            equal = problem(Failure.ACCOUNTS_EQUAL, one=one.role.value, other=other.role.value, code=one.code)
            yield ConfigurationFault(other.path, text, equal)


def _unusable(place: _Place, found: Account | Failed, chart: ChartIndex) -> Iterator[ConfigurationFault]:
    if isinstance(found, Failed):
        (fault,) = found.problems
        if place.role is Role.PAYABLE and fault.failure is Failure.CONFIGURED_ACCOUNT_NEEDS_PARTY:
            return  # right for bills, which name the vendor; a journal entry on it fails by itself
        text = _REASONS[fault.failure].format_map(fault.facts)
        yield ConfigurationFault(place.path, text, fault if place.fails_job else None)


def _must_differ(one: Role, other: Role, config: Configuration) -> bool:
    """Roles whose accounts meet in one posting, or stand for different debts (EXP-ACCT-14).

    The contra account counts as the external-reimbursement account where none is set apart (EXP-ACCT-16).
    """
    pair = {one, other}
    if config.accounts.external_reimbursement is None and Role.CONTRA in pair:
        pair = pair - {Role.CONTRA} | {Role.EXTERNAL}
    return (len(pair) == 2 and pair <= _APART) or pair in _MEET


_APART = frozenset({Role.WALLET, Role.OUT_OF_POCKET, Role.EXTERNAL})
_MEET = ({Role.WALLET, Role.CONTRA}, {Role.WALLET, Role.PAYABLE})

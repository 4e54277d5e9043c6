"""What a chart makes obvious: the journal and accounts a person would choose by their names. Only ever a suggestion.

One that is not obvious is none: two candidates that are as good as each other are left to the person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from ledgerbridge.bookkeeping.posting_table import Role
from ledgerbridge.bookkeeping.words import Account, Chart, Journal

CHOSEN = (Role.WALLET, Role.OUT_OF_POCKET, Role.CONTRA, Role.EXTERNAL, Role.PAYABLE)
"""Roles whose account a customer chooses."""

# By rising weight: a later group of words says it plainer. `*` stands for any ending.
_WORDS: Mapping[Role, Sequence[tuple[str, ...]]] = MappingProxyType(
    {
        Role.WALLET: (("wallet", "prepaid card*"), ("pleo",), ("pleo wallet", "pleo konto", "pleo account")),
        Role.OUT_OF_POCKET: (
            ("owed to employee*", "due to employee*", "employee*", "medarbejder*", "anställd*", "mitarbeiter*",
             "ansatte*", "werknemer*", "personnel"),
            ("out-of-pocket", "out of pocket", "udlæg*", "utlägg*", "utlegg*", "auslagen", "notes de frais"),
        ),
        Role.CONTRA: (
            ("clearing account", "transfer account"),
            ("cash in transit", "money in transit", "mellemregning*", "geldtransit", "kruisposten",
             "interne overboekingen", "virements internes"),
            ("pleo top-up*", "wallet top-up*", "pleo contra"),
        ),
        Role.EXTERNAL: (("outside pleo", "external reimbursement*"),),
        Role.PAYABLE: (
            ("creditors", "kreditor*", "leverantörsskuld*", "leverandørgæld", "leverandørgjeld", "crediteuren",
             "leveranciers", "fournisseurs"),
            ("trade payables", "accounts payable"),
        ),
    }
)  # fmt: skip
_NOT: Mapping[Role, tuple[str, ...]] = MappingProxyType(
    {
        Role.WALLET: ("outside", "reimburs*", "owed", "top-up*", "contra", "transit"),
        Role.OUT_OF_POCKET: ("outside pleo", "external*", "salar*", "wage*", "benefit*", "tax*", "pension*", "loan*"),
        Role.CONTRA: ("tax*", "vat", "moms"),
        Role.EXTERNAL: (),
        Role.PAYABLE: ("tax*", "vat", "moms", "interest", "dividend*", "employee*"),
    }
)
"""An account with such a word in its name is never meant."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An account or journal that its name makes obvious."""

    code: str
    because: str
    """The words of its name that say so."""


def fitting(role: Role, chart: Chart) -> tuple[Account, ...]:
    """Accounts that may be configured for a role, by code: open, told apart by their code, and without a party.

    On the payable account every line names its vendor, so that one may want a party (EXP-AP-03).
    """
    open_ones = [one for one in chart.accounts if one.active and one.code]
    times = Counter(one.code for one in open_ones)
    good = (one for one in open_ones if times[one.code] == 1 and (role is Role.PAYABLE or not one.party_required))
    return tuple(sorted(good, key=lambda one: (one.code, one.name)))


def accounts(chart: Chart, *, payable: bool) -> dict[Role, Suggestion]:
    """The obvious account of each role, never one of the income statement; none twice.

    `payable`: whether the ERP books bills.
    """
    found: dict[Role, Suggestion] = {}
    for role in CHOSEN:
        if role is Role.PAYABLE and not payable:
            continue
        named = ((one.code, one.name) for one in fitting(role, chart) if not one.income)
        best = _best(named, _WORDS[role], _NOT[role])
        if best is not None:
            found[role] = best
    times = Counter(one.code for one in found.values())
    return {role: one for role, one in found.items() if times[one.code] == 1}


def journal(chart: Chart) -> Suggestion | None:
    """The obvious journal: the only one, or the only one for expenses."""
    good = journals(chart)
    if len(good) == 1:
        return Suggestion(good[0].code, good[0].name)
    words = (("expense*", "udlæg*", "utlägg*", "auslagen", "onkosten", "notes de frais"), ("pleo",))
    return _best(((one.code, one.name) for one in good), words, ("revenue",))


def journals(chart: Chart) -> tuple[Journal, ...]:
    """Journals that may be configured, by code: those told apart by it."""
    times = Counter(one.code for one in chart.journals)
    return tuple(sorted((one for one in chart.journals if one.code and times[one.code] == 1), key=lambda one: one.code))


def _best(
    named: Iterable[tuple[str, str]], words: Sequence[tuple[str, ...]], never: tuple[str, ...]
) -> Suggestion | None:
    weighed: dict[int, list[Suggestion]] = {}
    for code, name in named:
        if any(_said(word, name) for word in never):
            continue
        hits = [(weight, said) for weight, group in enumerate(words) for word in group if (said := _said(word, name))]
        if hits:
            weight, said = max(hits, key=lambda hit: hit[0])
            weighed.setdefault(weight, []).append(Suggestion(code, said))
    top = weighed.get(max(weighed, default=-1), [])
    return top[0] if len(top) == 1 else None


def _said(word: str, name: str) -> str | None:
    """How a name says a word, as a whole word of it; None when it does not."""
    found = _pattern(word).search(name)
    return found[0] if found else None


@cache
def _pattern(word: str) -> re.Pattern[str]:
    ending = r"\w*" if word.endswith("*") else r"(?!\w)"
    return re.compile(rf"(?<!\w){re.escape(word.removesuffix('*'))}{ending}", re.IGNORECASE)

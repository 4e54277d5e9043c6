"""What a chart makes obvious: the journal and accounts a person would choose by their names. Only ever a suggestion.

One that is not obvious is none: two candidates that are as good as each other are left to the person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ledgerbridge.bookkeeping.posting_table import Role
from ledgerbridge.bookkeeping.words import Account, Chart, Journal

CHOSEN = (Role.WALLET, Role.OUT_OF_POCKET, Role.CONTRA, Role.EXTERNAL, Role.PAYABLE)
"""Roles whose account a customer chooses."""

# By rising weight: the later group of words says it plainer. A name with a word of `_NOT` is never meant.
_WORDS: Mapping[Role, Sequence[tuple[str, ...]]] = MappingProxyType(
    {
        Role.WALLET: (
            ("wallet", "prepaid card", "forudbetalt"),
            ("pleo",),
            ("pleo wallet", "pleo konto", "pleo account"),
        ),
        Role.OUT_OF_POCKET: (
            ("employee", "medarbejder", "anställd", "mitarbeiter", "ansatte", "werknemer", "personnel"),
            ("out-of-pocket", "out of pocket", "udlæg", "utlägg", "utlegg", "auslagen", "onkosten", "notes de frais"),
        ),
        Role.CONTRA: (
            ("transit", "clearing", "transfer", "interim"),
            (
                "mellemregning",
                "geldtransit",
                "kruisposten",
                "virements internes",
                "cash in transit",
                "money in transit",
            ),
            ("contra", "pleo top-up", "pleo contra"),
        ),
        Role.EXTERNAL: (("outside pleo", "external reimbursement"),),
        Role.PAYABLE: (
            ("payable", "creditor", "kreditor", "leverantör", "leverandør", "crediteur", "fournisseur"),
            ("accounts payable", "payables, without party"),
        ),
    }
)
_NOT: Mapping[Role, tuple[str, ...]] = MappingProxyType(
    {
        Role.WALLET: ("outside", "reimburs", "owed", "fee", "cost", "expense", "gebühr", "gebyr", "top-up", "contra"),
        Role.OUT_OF_POCKET: ("outside pleo", "external", "salar", "wage", "benefit", "insurance", "pension", "løn"),
        Role.CONTRA: ("tax", "vat", "moms", "transferable"),
        Role.EXTERNAL: (),
        Role.PAYABLE: ("tax", "vat", "moms", "salar", "wage", "interest", "dividend", "note", "employee"),
    }
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An account or journal that its name makes obvious."""

    code: str
    because: str
    """The word of its name that says so."""


def fitting(role: Role, chart: Chart) -> tuple[Account, ...]:
    """Accounts that may be configured for a role, by code: open, told apart by their code, and without a party.

    On the payable account every line names its vendor, so that one may want a party (EXP-AP-03).
    """
    open_ones = [one for one in chart.accounts if one.active and one.code]
    times = Counter(one.code for one in open_ones)
    good = (one for one in open_ones if times[one.code] == 1 and (role is Role.PAYABLE or not one.party_required))
    return tuple(sorted(good, key=lambda one: (one.code, one.name)))


def accounts(chart: Chart, *, payable: bool) -> dict[Role, Suggestion]:
    """The obvious account of each role; none twice. `payable`: whether the ERP books bills."""
    found: dict[Role, Suggestion] = {}
    for role in CHOSEN:
        if role is Role.PAYABLE and not payable:
            continue
        best = _best(((one.code, one.name) for one in fitting(role, chart)), _WORDS[role], _NOT[role])
        if best is not None:
            found[role] = best
    times = Counter(one.code for one in found.values())
    return {role: one for role, one in found.items() if times[one.code] == 1}


def journal(chart: Chart) -> Suggestion | None:
    """The obvious journal: the only one, or the only one for expenses."""
    good = journals(chart)
    if len(good) == 1:
        return Suggestion(good[0].code, good[0].name)
    words = (("expense", "udlæg", "utlägg", "auslagen", "onkosten", "frais"), ("pleo",))
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
        lowered = name.casefold()
        if any(word in lowered for word in never):
            continue
        hits = [(weight, word) for weight, group in enumerate(words) for word in group if word in lowered]
        if hits:
            weight, word = max(hits, key=lambda hit: hit[0])
            weighed.setdefault(weight, []).append(Suggestion(code, word))
    top = weighed.get(max(weighed, default=-1), [])
    return top[0] if len(top) == 1 else None

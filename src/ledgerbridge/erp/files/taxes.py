"""Tax codes of a company whose files carry none: lines a bookkeeper types, `name; rate; account; second account`.

A code becomes lines on its VAT accounts. With a second account it is a reverse charge: deducted on the first, owed on
the second.
"""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal, InvalidOperation

from ledgerbridge.bookkeeping.words import ErpTax, TaxComponent

BAS = """\
Moms 25 %; 25; 2641
Moms 12 %; 12; 2641
Moms 6 %; 6; 2641
Omvänd skattskyldighet, utlandet 25 %; 25; 2645; 2614
Omvänd skattskyldighet, Sverige 25 %; 25; 2647; 2614
Ingen moms; 0
"""
"""Purchases in the Swedish BAS chart of accounts."""
_MOST = 100
_LONGEST_NAME = 60


class TaxLineError(ValueError):
    """A line that cannot be read, or names an account that is not there: a sentence with its number."""


def read(text: str, accounts: Container[str]) -> tuple[ErpTax, ...]:
    """The tax codes of a text; empty lines and those that begin with # are left out. Raises `TaxLineError`."""
    found: dict[str, ErpTax] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        tax = _tax(number, [part.strip() for part in line.split(";")], accounts)
        if tax.name.casefold() in found:
            raise TaxLineError(f"Line {number}: {tax.name} is there already. Give each tax code a name of its own.")
        found[tax.name.casefold()] = tax
        if len(found) > _MOST:
            raise TaxLineError(f"Line {number}: there are more than {_MOST} tax codes.")
    return tuple(found.values())


def fitting(text: str, accounts: Container[str]) -> tuple[ErpTax, ...]:
    """The tax codes of lines of ours whose accounts are all there."""
    lines = text.splitlines()
    return read("\n".join(line for line in lines if all(one in accounts for one in _named(line))), accounts)


def _named(line: str) -> list[str]:
    return [part.strip() for part in line.split(";")[2:] if part.strip()]


def _tax(number: int, parts: list[str], accounts: Container[str]) -> ErpTax:
    name, *rest = parts
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise TaxLineError(f"Line {number}: begin with a name of at most {_LONGEST_NAME} letters, such as Moms 25 %.")
    if not 1 <= len(rest) <= 3:
        raise TaxLineError(f"Line {number}: write name; rate; account, and a second account for a reverse charge.")
    rate = _rate(number, rest[0])
    named = [account for account in rest[1:] if account]
    for account in named:
        if account not in accounts:
            raise TaxLineError(f"Line {number}: account {account} is not in the uploaded chart of accounts.")
    if rate and not named:
        raise TaxLineError(f"Line {number}: name the account that VAT of {name} is booked on.")
    if len(named) == 2 and not rate:
        raise TaxLineError(f"Line {number}: a reverse charge needs a rate above 0.")
    parts_ = [TaxComponent(name, rate, named[0] if named else None)]
    if len(named) == 2:
        parts_.append(TaxComponent(f"{name} (owed)", -rate, named[1]))
    return ErpTax(name, name, name, tuple(parts_))


def _rate(number: int, text: str) -> Decimal:
    try:
        rate = Decimal(text.removesuffix("%").strip().replace(",", "."))
    except InvalidOperation:
        rate = Decimal(-1)
    if not (rate.is_finite() and 0 <= rate < 100):
        raise TaxLineError(f"Line {number}: enter the rate in per cent, such as 25 or 12,5.")
    return rate / 100

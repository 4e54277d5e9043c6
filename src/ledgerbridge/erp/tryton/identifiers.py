"""Numbers by which a party of Tryton is known: what they mean to Pleo, and how one from Pleo is kept.

Tryton keeps any number of identifiers on a party, each with a type that tells its country and checks it, or without
one. Some types name a person (social security, identity card): only numbers of companies ever leave (VEN-037).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

PLEO = "PLEO:"
"""Begins the identifier without type that holds Pleo's vendor id (VEN-066)."""
TAX = "VAT:"
"""Begins the identifier without type that holds a tax number Tryton knows no type for."""
_REGISTERS = frozenset(
    {
        "at_businessid",
        "au_acn",
        "be_businessid",
        "de_handelsregisternummer",
        "ee_registrikood",
        "fi_ytunnus",
        "fr_rcs",
        "fr_siren",
        "fr_siret",
        "no_orgnr",
        "pl_regon",
        "ro_onrc",
        "ru_ogrn",
        "se_orgnr",
        "si_maticna",
    }
)
"""Types that number companies in a public register."""
_EU = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI"
"""Prefixes of European VAT ids."""
_GREEK = ("EL", "GR")
"""Greece has a prefix beside its country code."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """One `party.identifier`."""

    type: str | None
    code: str
    """As people read it."""
    compact: str
    """Without blanks and dots where the type knows how."""


def code_of(pleo_id: str) -> str:
    """The party number of a vendor from Pleo. It is made from Pleo's id, and the database lets no second party have it,
    so that whoever comes second is refused."""
    return f"PLEO-{base64.b32encode(hashlib.sha256(pleo_id.encode()).digest()).decode()[:10]}"


def pleo_id(held: Sequence[Identifier]) -> str | None:
    """Pleo's vendor id the party carries, if any."""
    return next((each.code[len(PLEO) :] for each in held if not each.type and each.code.startswith(PLEO)), None)


def tax_number(held: Sequence[Identifier], chosen: Identifier | None) -> str | None:
    """The number Tryton itself chose for tax reports; without one, that of a country it knows no type for."""
    if chosen:
        return chosen.code
    return next(
        (each.code[len(TAX) :].strip() for each in held if each.type is None and each.code.startswith(TAX)), None
    )


def registration_number(held: Sequence[Identifier], chosen: Identifier | None) -> str | None:
    """The first number of a public register, else the first without type; the tax number is told by itself."""
    others = [each for each in held if chosen is None or each.code != chosen.code]
    registered = [each.code for each in others if each.type in _REGISTERS]
    untyped = [each.code for each in others if not each.type and not each.code.startswith((PLEO, TAX))]
    return next(iter([*registered, *untyped]), None)


def country_of(chosen: Identifier | None) -> str | None:
    """The country that a tax number names, ISO 3166-1."""
    if chosen is None or not chosen.type:
        return None
    prefix = bare(chosen.compact)[:2] if chosen.type == "eu_vat" else chosen.type[:2].upper()
    return {"EL": "GR", "XI": "GB", "EU": None}.get(prefix, prefix)


def for_tax(number: str, country: str | None, known: Collection[str]) -> tuple[str | None, str]:
    """Type and code under which to keep a tax number: the European type, else that of its country, else none."""
    text = bare(number)
    told = text[:2] if text[:2].isalpha() else _prefix(country)
    whole = text if text[:2].isalpha() else f"{told}{text}"
    if told in {*_EU.split(), "GR"} and "eu_vat" in known:
        return "eu_vat", "EL" + whole[2:] if told == "GR" else whole
    own = (_prefix(country) or told).lower()
    for kind in (f"{own}_vat", "us_ein" if own == "us" else ""):
        if kind in known:
            return kind, number.strip()
    return None, f"{TAX}{number.strip()}"


def spellings(number: str) -> list[str]:
    """How a number from Pleo may be written on a party; nothing for one without a letter or digit."""
    text, plain = bare(number), number.strip()
    if not text:
        return []
    prefix, digits = (text[:2], text[2:]) if text[:2].isalpha() else ("", "")
    rest = [digits, *(f"{greek}{digits}" for greek in _GREEK if prefix in _GREEK)]
    marked = [f"{TAX}{plain}", f"{TAX}{text}"]
    return list(dict.fromkeys(each for each in (text, plain, *rest, *marked) if each))


def prefixed(number: str) -> str | None:
    """A pattern for the number behind a country prefix; None when it brings one."""
    text = bare(number)
    return None if not text or text[:2].isalpha() else f"__{text}"


def same_tax(held: str | None, country: str | None, wanted: str | None) -> bool:
    """Whether two tax numbers are one, though only one of them may name its country."""
    here, there = bare(held), bare(wanted)
    if not here or not there:
        return False
    if there[:2].isalpha():
        here = here if here[:2].isalpha() else _prefix(country) + here
        return _greek(here) == _greek(there)
    return there == (here[2:] if here[:2].isalpha() else here)


def same(held: str | None, wanted: str | None) -> bool:
    """Whether two numbers of a register are one, blanks, dots and case aside."""
    return bool(bare(held)) and bare(held) == bare(wanted)


def bare(number: str | None) -> str:
    """Letters and digits alone, upper case."""
    return "".join(sign for sign in number or "" if sign.isascii() and sign.isalnum()).upper()


def _prefix(country: str | None) -> str:
    code = (country or "").upper()
    return {"GR": "EL", "UK": "GB"}.get(code, code)


def _greek(number: str) -> str:
    return "EL" + number[2:] if number.startswith("GR") else number

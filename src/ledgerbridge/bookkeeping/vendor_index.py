"""The ERP's vendors, arranged for look-ups by every key Pleo may send. Built once a job, asked for every item.

Blocked vendors are found, too: an item that names one must fail by that vendor's name, not as an unknown one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from ledgerbridge.bookkeeping.master_data import ErpVendor

NO_ALIASES: Mapping[str, str] = MappingProxyType({})

Hits = tuple[ErpVendor, ...]
"""Vendors that a key names, each once, in the order of the ERP's list. More than one is an ambiguity of the ERP."""

_VAT_COUNTRIES = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "GB", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "XI"}
)
"""Prefixes of VAT numbers; Greece writes EL and is GR everywhere else."""


class VendorIndex:
    """Look-ups over the vendors of one ERP company; never changes after it is made."""

    def __init__(
        self,
        vendors: Iterable[ErpVendor],
        aliases: Mapping[str, str] = NO_ALIASES,
        links: Mapping[str, str] = NO_ALIASES,
    ) -> None:
        """`aliases` leads from the ERP id of a vendor that was merged away to the id it lives under (VEN-096).

        What the ERP itself says of a merge (`ErpVendor.merged_into`) comes first. `links` leads from the Pleo id of a
        vendor to the ERP id of the one it was paired with, which does not carry the Pleo id then (VEN-110).
        """
        self.vendors: Hits = tuple(vendors)
        self._aliases = dict(aliases) | {one.id: one.merged_into for one in self.vendors if one.merged_into}
        self._links = links
        self._by_id = _grouped(self.vendors, lambda vendor: exact(vendor.id))
        self._by_code = _grouped(self.vendors, lambda vendor: exact(vendor.code))
        self._by_pleo_id = _grouped(self.vendors, lambda vendor: exact(vendor.pleo_id))
        self._by_account = _grouped(self.vendors, lambda vendor: exact(vendor.payable))
        self._by_tax = _grouped(self.vendors, lambda vendor: tax_number(vendor.tax_registration_number)[1])
        self._by_registration = _grouped(self.vendors, lambda vendor: bare(vendor.registration_number))

    def by_id(self, erp_id: str | None) -> Hits:
        """By the ERP's own id, or that of a vendor merged into it (VEN-026, VEN-096)."""
        living = self._living(exact(erp_id))
        return self._by_id.get(living, ())

    def by_code(self, code: str | None) -> Hits:
        """By vendor number, exact after trimming (VEN-026)."""
        return self._alive(self._by_code.get(exact(code), ()))

    def by_pleo_id(self, pleo_id: str | None) -> Hits:
        """By the Pleo id that a vendor created from Pleo keeps (VEN-066), or by which it was paired."""
        own = self._by_pleo_id.get(exact(pleo_id), ())
        return self._alive((*own, *self.by_id(self._links.get(exact(pleo_id)))))

    def by_account(self, code: str | None) -> Hits:
        """By the code of the vendor's own accounts payable account."""
        return self._alive(self._by_account.get(exact(code), ()))

    def by_tax_number(self, number: str | None, country: str | None = None) -> Hits:
        """By VAT or tax id, with or without its country, however it is spaced; `country` is that of who has it.

        Two numbers of different countries never match; where one names no country, the vendor's own country counts.
        """
        named, digits = tax_number(number)
        wanted = named or _iso(exact(country))
        alike = self._by_tax.get(digits, ())
        return self._alive(tuple(one for one in alike if not wanted or _country(one) in (None, wanted)))

    def by_registration_number(self, number: str | None, country: str | None = None) -> Hits:
        """By company registration number, however it is spaced; never one of another country (VEN-063)."""
        wanted = _iso(exact(country))
        alike = self._by_registration.get(bare(number), ())
        return self._alive(tuple(one for one in alike if not wanted or _own_country(one) in ("", wanted)))

    def _alive(self, found: Hits) -> Hits:
        """The vendors found, each replaced by the one it was merged into."""
        living = [one for vendor in found for one in (self.by_id(vendor.id) or (vendor,))]
        return tuple(dict.fromkeys(living))

    def _living(self, erp_id: str) -> str:
        seen = {erp_id}
        while (further := self._aliases.get(erp_id)) is not None and further not in seen:
            seen.add(further)
            erp_id = further
        return erp_id


def exact(key: str | None) -> str:
    """An identifier for comparison: trimmed, otherwise as it is, never a number (VEN-026)."""
    return (key or "").strip()


def bare(number: str | None) -> str:
    """A registration number without blanks, dots and dashes, in capitals."""
    return re.sub(r"[\W_]", "", number or "").upper()


def tax_number(number: str | None) -> tuple[str | None, str]:
    """Country (ISO 3166-1; None where the number names none) and the rest of a VAT or tax id."""
    whole = bare(number)
    prefix, rest = whole[:2], whole[2:]
    country = "EL" if prefix == "GR" else prefix
    if country in _VAT_COUNTRIES and any(character.isdigit() for character in rest):
        return _iso(country), rest
    return None, whole


def _country(vendor: ErpVendor) -> str | None:
    """Country of a vendor's tax id, else the vendor's own."""
    named, _ = tax_number(vendor.tax_registration_number)
    return named or _own_country(vendor) or None


def _own_country(vendor: ErpVendor) -> str:
    return _iso(exact(vendor.country))


def _iso(country: str) -> str:
    """As ISO 3166-1 has it; empty where Pleo or the ERP knows none."""
    code = country.upper()
    return {"EL": "GR", "XI": "GB", "UK": "GB", "EU": "", "UNDEFINED": ""}.get(code, code)


def _grouped(vendors: Iterable[ErpVendor], key: Callable[[ErpVendor], str]) -> dict[str, Hits]:
    groups: defaultdict[str, list[ErpVendor]] = defaultdict(list)
    for vendor in vendors:
        groups[key(vendor)].append(vendor)
    groups.pop("", None)
    return {found: tuple(dict.fromkeys(members)) for found, members in groups.items()}

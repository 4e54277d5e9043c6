"""Which vendor of the ERP an item is booked on. Found by its keys or not at all, never by its name, never by guess.

A vendor that was chosen must be the one: unknown, blocked or doubtful, the item fails (EXP-VENDOR-07). The configured
default vendor serves only where nobody was chosen (EXP-VENDOR-09).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ledgerbridge.bookkeeping.descriptions import clean, shortened
from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.posting_table import EMPLOYEE_TYPES
from ledgerbridge.bookkeeping.problem import Failed, Failure, failed
from ledgerbridge.bookkeeping.vendor_index import NO_ALIASES, Hits, VendorIndex, exact
from ledgerbridge.bookkeeping.words import Configuration, ExportItem, Person, Supplier, Vendor

__all__ = ["NO_ALIASES", "VendorIndex", "default", "named", "of_journal", "resolve", "supplier_unknown"]

_NAME_LENGTH = 100
_Keys: TypeAlias = Sequence[tuple[str, str | None, Hits]]
"""What a key is called, its value on the item, the vendors it names."""


def resolve(item: ExportItem, index: VendorIndex, config: Configuration) -> ErpVendor | Failed:
    """The vendor of an `accounts_payable` item; of what is owed to or by an employee, that employee.

    The supplier is not looked at (EXP-VENDOR-05).
    """
    if item.type in EMPLOYEE_TYPES:
        return _employee(item.user, index, config)
    if item.vendor is not None:
        return _chosen(item.vendor, index)
    nobody = failed(Failure.VENDOR_MISSING, type=item.type.replace("_", " "))
    return default(index, config) if config.default_vendor else nobody


def of_journal(item: ExportItem, index: VendorIndex, config: Configuration) -> ErpVendor | Failed | None:
    """The vendor on the payable line of a journal entry; None when the item tells of none the ERP knows.

    A vendor chosen on the item is optional there (EXP-VENDOR-03). Without one the supplier's number, then account, then
    tax id is tried (EXP-VENDOR-06); a key that fits several vendors tells nothing, nor does the account for all.
    """
    if item.vendor is not None:
        return _chosen(item.vendor, index)
    supplier = item.supplier or Supplier()
    own = supplier.account if exact(supplier.account) != config.accounts.payable else None
    for hits in (
        index.by_code(supplier.code) or index.by_id(supplier.code),
        index.by_account(own),
        index.by_tax_number(supplier.tax_identifier),
    ):
        if len(hits) == 1:
            return _open(hits[0], supplier.name or hits[0].name)
    return None


def default(index: VendorIndex, config: Configuration) -> ErpVendor | Failed:
    """The configured generic vendor, by number, else by ERP id (EXP-VENDOR-09)."""
    hits = index.by_code(config.default_vendor) or index.by_id(config.default_vendor)
    if len(hits) == 1 and hits[0].active:
        return hits[0]
    return failed(Failure.DEFAULT_VENDOR_UNUSABLE, f"{len(hits)} vendors match", vendor=config.default_vendor)


def named(vendor: ErpVendor) -> str:
    """A vendor of the ERP as a person finds it there: `Acme (number 1007)`."""
    return _spelled(vendor.name, "number", vendor.code or vendor.id)


def supplier_unknown(item: ExportItem, account_code: str) -> Failed:
    """No vendor of the ERP is known for an item whose payable account must name one."""
    supplier = item.supplier or Supplier()
    return failed(
        Failure.SUPPLIER_UNKNOWN,
        supplier=_spelled(supplier.name or "(no name)", "number", supplier.code),
        code=account_code,
    )


def _chosen(vendor: Vendor, index: VendorIndex) -> ErpVendor | Failed:
    """By number, ERP id, tax id and registration number, which must not contradict each other (EXP-VENDOR-04, VEN-106).

    Pleo's own id serves where the item carries neither number nor ERP id (VEN-110).
    """
    tax, number = vendor.tax_registration_number, vendor.registration_number
    keys: list[tuple[str, str | None, Hits]] = [
        ("number", vendor.code, index.by_code(vendor.code)),
        ("id", vendor.external_id, index.by_id(vendor.external_id)),
        ("tax id", tax, index.by_tax_number(tax, vendor.country)),
        ("registration number", number, index.by_registration_number(number, vendor.country)),
    ]
    if not exact(vendor.code) and not exact(vendor.external_id):
        keys.insert(0, ("Pleo id", vendor.id, index.by_pleo_id(vendor.id)))
    return _agreed(vendor, keys)


def _agreed(vendor: Vendor, keys: _Keys) -> ErpVendor | Failed:
    """The one vendor that every key with any hit names."""
    telling = [(key, value, hits) for key, value, hits in keys if hits]
    who = _who(vendor)
    if not telling:
        tried = ", ".join(f"{key} {value}" for key, value, _ in keys if exact(value))
        return failed(Failure.VENDOR_UNKNOWN, f"Pleo vendor {vendor.id}, tried {tried or 'no key'}", vendor=who)
    common = [one for one in telling[0][2] if all(one in hits for _, _, hits in telling)]
    if len(common) == 1:
        return _open(common[0], who)
    if common:
        return failed(Failure.VENDOR_AMBIGUOUS, vendor=who, found=_list(common))
    points = "; ".join(f"{key} {clean(exact(value))} is {_list(hits)}" for key, value, hits in telling)
    return failed(Failure.VENDOR_CONTRADICTORY, vendor=who, points=points)


def _employee(person: Person | None, index: VendorIndex, config: Configuration) -> ErpVendor | Failed:
    """By employee number; the default serves people without one (EXP-AP-09, EXP-VENDOR-09)."""
    who = shortened(clean(person.name), _NAME_LENGTH) if person else "The employee"
    code = exact(person.code) if person else ""
    if not code:
        return default(index, config) if config.default_vendor else failed(Failure.EMPLOYEE_WITHOUT_NUMBER, person=who)
    hits = index.by_code(code)
    if not hits:
        return failed(Failure.EMPLOYEE_UNKNOWN, person=who, number=clean(code))
    if len(hits) > 1:
        who = _spelled(who, "number", code)
        return failed(Failure.VENDOR_AMBIGUOUS, vendor=who, found=_list(hits))
    return _open(hits[0], who)


def _open(vendor: ErpVendor, who: str) -> ErpVendor | Failed:
    return vendor if vendor.active else failed(Failure.VENDOR_BLOCKED, vendor=clean(who), erp=named(vendor))


def _who(vendor: Vendor) -> str:
    """The vendor as chosen in Pleo, with the key a person can look up."""
    keys = (
        ("number", vendor.code),
        ("id", vendor.external_id),
        ("tax id", vendor.tax_registration_number),
        ("registration number", vendor.registration_number),
    )
    for key, value in keys:
        if exact(value):
            return _spelled(vendor.name, key, value)
    return _spelled(vendor.name, "number", None)


def _spelled(name: str, key: str, value: str | None) -> str:
    shown = f"{key} {shortened(clean(value), _NAME_LENGTH)}" if value and exact(value) else f"no {key}"
    return f"{shortened(clean(name), _NAME_LENGTH)} ({shown})"


def _list(vendors: Sequence[ErpVendor]) -> str:
    shown = " and ".join(named(one) for one in vendors[:3])
    return f"{shown} and {len(vendors) - 3} more" if len(vendors) > 3 else shown

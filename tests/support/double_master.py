"""Master data of the ERP double: what it lists and creates, kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ledgerbridge.bookkeeping.master_data import (
    ErpVendor,
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    NewVendor,
    TaxKind,
    VendorLookup,
)
from ledgerbridge.bookkeeping.words import Chart, ErpTax


@dataclass
class Master:
    """The lists of one double. Tests change them freely: `master.accounts.clear()` is an ERP that answers empty."""

    accounts: list[MasterAccount] = field(default_factory=list)
    tax_codes: list[MasterTaxCode] = field(default_factory=list)
    dimensions: list[MasterDimension] = field(default_factory=list)
    values: dict[str, list[MasterValue]] = field(default_factory=dict)
    """By dimension id."""
    vendors: list[ErpVendor] = field(default_factory=list)
    made: int = 0
    """Vendors created so far."""

    @classmethod
    def of(cls, chart: Chart) -> Master:
        """The lists that agree with a chart; no vendors."""
        return cls(
            accounts=[MasterAccount(a.id, a.code, a.name, None, a.active) for a in chart.accounts],
            tax_codes=[_tax_code(tax) for tax in chart.taxes],
            dimensions=[MasterDimension(d.id, d.code, d.name, True) for d in chart.dimensions],
            values={
                d.id: [
                    MasterValue(f"{d.id}-{number}", code, f"{d.name} {code}", True) for code, number in d.values.items()
                ]
                for d in chart.dimensions
            },
        )

    def find(self, wanted: VendorLookup) -> list[ErpVendor]:
        return [vendor for vendor in self.vendors if _matches(vendor, wanted)]

    def create(self, wanted: NewVendor) -> ErpVendor:
        """Once a Pleo id, as the port demands."""
        for vendor in self.vendors:
            if vendor.pleo_id == wanted.pleo_id:
                return vendor
        self.made += 1  # an id is never given twice, also after a deletion
        number = 9000 + self.made
        made = ErpVendor(
            id=str(number),
            code=f"V{number}",
            name=wanted.name,
            currency=wanted.currency,
            country=wanted.country,
            registration_number=wanted.registration_number,
            tax_registration_number=wanted.tax_registration_number,
            payable=None,
            active=True,
            pleo_id=wanted.pleo_id,
        )
        self.vendors.append(made)
        return made

    def change(self, vendor_id: str, **changes: object) -> None:
        """Change one vendor as a bookkeeper would: `master.change("1", active=False)`."""
        self.vendors = [
            replace(vendor, **changes) if vendor.id == vendor_id else vendor  # type: ignore[arg-type]
            for vendor in self.vendors
        ]


def vendor(number: int, **changes: object) -> ErpVendor:
    """A vendor with number and name made from `number`."""
    made = ErpVendor(str(number), f"V{number:04}", f"Vendor {number}", None, "DK", None, None, None, True)
    return replace(made, **changes)  # type: ignore[arg-type]


def _tax_code(tax: ErpTax) -> MasterTaxCode:
    deducted = next(part for part in tax.components if part.rate >= 0)
    owed = next((part for part in tax.components if part.rate < 0), None)
    return MasterTaxCode(
        code=tax.id,
        name=tax.name,
        rate=deducted.rate,
        kind=TaxKind.REVERSE if owed else TaxKind.INCLUSIVE,
        ingoing_account=deducted.account,
        outgoing_account=owed.account if owed else None,
        active=tax.active,
    )


def _matches(vendor: ErpVendor, wanted: VendorLookup) -> bool:
    return (
        vendor.id in wanted.ids
        or vendor.code in wanted.codes
        or (wanted.pleo_id is not None and vendor.pleo_id == wanted.pleo_id)
        or _same(vendor.tax_registration_number, wanted.tax_registration_number)
        or _same(vendor.registration_number, wanted.registration_number)
    )


def _same(held: str | None, wanted: str | None) -> bool:
    return bool(held and wanted) and _bare(held) == _bare(wanted)


def _bare(number: str | None) -> str:
    return "".join(filter(str.isalnum, number or "")).upper()

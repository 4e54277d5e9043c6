"""What a configuration uses and the ERP no longer has."""

from decimal import Decimal

from ledgerbridge.bookkeeping.master_data import ErpVendor, MasterAccount, MasterDimension, MasterTaxCode, TaxKind
from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.seen import Seen
from ledgerbridge.syncs.warnings import in_configuration


def configuration() -> Configuration:
    return ConfigurationBody.read(
        {
            "journal": "EXP",
            "accounts": {"wallet": {"DKK": "5820"}, "out_of_pocket": "6810", "contra": "5840", "payable": "6800"},
            "tax": {"codes": {"DK25": "7", "DK0": "8"}},
            "dimensions": ["CC", "PRJ"],
            "default_vendor": "V1",
        }
    ).configuration(1)


def used(kind: SyncKind, seen: Seen) -> list[tuple[str, str]] | None:
    found = in_configuration(kind, configuration(), seen)
    return None if found is None else [(one.code, one.used_by) for one in found]


def account(code: str, *, active: bool = True) -> MasterAccount:
    return MasterAccount(f"id-{code}", code, code, None, active)


def test_an_account_that_is_closed_or_gone_is_named_with_its_place() -> None:
    seen = Seen()
    seen.accounts = [account("5820"), account("6810", active=False), account("5840")]
    assert used(SyncKind.ACCOUNTS, seen) == [
        ("6810", "configuration: accounts.out_of_pocket"),
        ("6800", "configuration: accounts.payable"),
    ]


def test_the_text_says_where_to_mend_it() -> None:
    seen = Seen()
    seen.accounts = [account("5820"), account("6810"), account("5840")]
    (stale,) = in_configuration(SyncKind.ACCOUNTS, configuration(), seen) or []
    assert "Account 6800" in stale.text
    assert "accounts.payable" in stale.text


def test_a_tax_is_known_by_the_erps_id() -> None:
    seen = Seen()
    seen.tax_codes = [MasterTaxCode("7", "25 %", Decimal("0.25"), TaxKind.INCLUSIVE, None, None, active=True)]
    assert used(SyncKind.TAX_CODES, seen) == [("8", "configuration: tax.codes.DK0")]


def test_a_dimension_is_known_by_its_code_in_whatever_case() -> None:
    seen = Seen()
    seen.dimensions = [MasterDimension("1", "cc", "Cost centre", True), MasterDimension("2", "PRJ", "Project", False)]
    assert used(SyncKind.TAGS, seen) == [("PRJ", "configuration: dimensions")]


def test_the_default_vendor_may_be_named_by_number_or_id() -> None:
    seen = Seen()
    seen.vendors = [ErpVendor("V1", "1000", "Acme", None, None, None, None, None, active=True)]
    assert used(SyncKind.VENDORS, seen) == []
    seen.vendors = [ErpVendor("9", "V1", "Acme", None, None, None, None, None, active=False)]
    assert used(SyncKind.VENDORS, seen) == [("V1", "configuration: default_vendor")]


def test_what_was_not_read_says_nothing() -> None:
    assert [used(kind, Seen()) for kind in SyncKind] == [None] * 4

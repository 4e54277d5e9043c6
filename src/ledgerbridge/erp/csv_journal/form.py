"""The form of a CSV journal: what a company is asked, in the order it is asked."""

from __future__ import annotations

from functools import cache

from ledgerbridge.erp.adapter import SettingField, SettingKind
from ledgerbridge.erp.csv_journal import pattern
from ledgerbridge.erp.csv_journal.ready import ready
from ledgerbridge.erp.csv_journal.template import Setting
from ledgerbridge.erp.files import destination
from ledgerbridge.erp.files import settings as common

OWN = "own"
"""Instead of a ready template: one that the company uploads."""


@cache
def form() -> tuple[SettingField, ...]:
    """All settings, in the order in which a person is asked for them."""
    choices = tuple((name, template.name) for name, template in ready().items())
    return (
        SettingField("company_name", "Name of the company", "As your accounting program has it.", SettingKind.TEXT),
        SettingField(
            "registration_number",
            "Registration number",
            "It tells this company from others of the same name.",
            SettingKind.TEXT,
            required=False,
        ),
        SettingField("currency", "Currency of the books", "", SettingKind.TEXT, placeholder="EUR"),
        SettingField(
            "year_begins",
            "First day of the fiscal year",
            "Month and day. Voucher numbers begin at 1 again on this day.",
            SettingKind.TEXT,
            default="01-01",
            placeholder="01-01",
        ),
        SettingField(
            "accounts",
            "Chart of accounts",
            "A CSV file with the columns Account and Name, and maybe Type and Active. A spreadsheet can save one.",
            SettingKind.FILE,
        ),
        SettingField(
            "dimensions",
            "Dimensions",
            "A CSV file with a row for each value: Dimension, Dimension name, Code, Name. Leave it out when there are "
            "none.",
            SettingKind.FILE,
            required=False,
        ),
        SettingField(
            "template",
            "Who imports the file",
            " ".join(
                (
                    "How columns, figures and dates are written. The first file is best tried with a test company.",
                    *(f"{one.name}: {one.about}" for one in ready().values() if not one.settings),
                )
            ),
            SettingKind.CHOICE,
            choices=(*choices, (OWN, "A template of my own")),
            default="generic",
        ),
        SettingField(
            "own_template",
            "Template",
            "A TOML file as the page on CSV templates describes it.",
            SettingKind.FILE,
            when=("template", OWN),
        ),
        SettingField(
            "own_values",
            "Values for the template",
            "One a line for each setting that the template names: name = value.",
            SettingKind.LONG_TEXT,
            required=False,
            when=("template", OWN),
        ),
        *(
            # What is to be known of a template stands with the first thing it asks.
            _asked(name, one, template.about if one is template.settings[0] else "")
            for name, template in ready().items()
            for one in template.settings
        ),
        *common.FIELDS,
        *destination.FIELDS,
    )


def _asked(template: str, one: Setting, about: str) -> SettingField:
    return SettingField(
        field_of(template, one.name), one.label, about, SettingKind.TEXT, required=_needed(one), default=one.default,
        when=("template", template),
    )  # fmt: skip


def field_of(template: str, name: str) -> str:
    """Name of the setting that asks for what a ready template needs."""
    return f"{template}_{name}"


def _needed(one: Setting) -> bool:
    return bool(one.pattern) and not pattern.fits(one.pattern, one.default)

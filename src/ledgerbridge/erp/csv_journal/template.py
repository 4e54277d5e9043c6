"""Templates: how one importer wants its journal, read from a small TOML file.

A template names the columns in order, each with a field of a closed set or a fixed text, and how figures, dates and
letters are written. docs/csv-templates.md is the page for people who write one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from enum import StrEnum

PLAIN_FIELDS = frozenset({
    "account", "account_name", "amount", "amount_absolute", "amount_inverse", "counter_account", "counter_account_name",
    "credit", "currency", "date", "debit", "dimensions", "entry", "key", "line", "line_text", "number", "original_date",
    "receipts", "series", "side", "tax", "text", "voucher", "voucher_text", "year",
})  # fmt: skip
"""What a column can hold, but for dimensions."""
OF_DIMENSION = ("dimension", "dimension_name")
"""`dimension.CODE` is the code of the line's value of that dimension, `dimension_name.CODE` its name."""
OF_HEAD = frozenset({"first_date", "last_date", "year", "now", "vouchers", "rows", "debit", "currency"})
"""What stands in braces in the lines above the headings, besides `setting.NAME`. `debit` is the sum of all debits;
`now` is when the newest voucher was recorded, to the millisecond, so that the same vouchers make the same file."""
AMOUNTS = frozenset({"amount", "amount_absolute", "amount_inverse", "credit", "debit"})
SIDES = frozenset({"amount", "amount_inverse", "credit", "debit", "side"})
"""What tells debit from credit in a row."""
UNCUT = AMOUNTS | {"account", "counter_account", "currency", "line", "number", "series", "side"}
"""Besides dates: what is wrong, or another's, when it is cut."""
DATES = frozenset({"date", "original_date", "year"})
TEXTS = frozenset({"text", "voucher_text", "line_text", "account_name", "counter_account_name", "receipts"})
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_.]*)(?::([^{}]*))?\}")
"""A name, and after a colon the format of a date."""


class Rows(StrEnum):
    """What a row of the file is."""

    LINE = "line"
    """One line of a voucher."""
    PAIR = "pair"
    """An amount with the account it is booked on and the one it is booked against; a voucher of several lines is taken
    apart into such pairs."""


class TemplateError(ValueError):
    """A template that cannot be used; one sentence, with the key at fault."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    heading: str
    field: str | None
    """One of the fields; None where `value` stands in every row."""
    value: str = ""
    """A fixed text, with `{setting.NAME}` for what a company enters."""
    words: Mapping[str, str] = made_by(default_factory=dict)
    """What stands for `debit` and `credit` in the field `side`."""
    date: str | None = None
    """A date format of its own."""
    longest: int | None = None
    """Characters after which a text is cut."""
    quoted: bool | None = None
    """Always or never in quotes; None leaves it to the file's rule."""
    step: int = 1
    """For the field `line`: 1, 2, 3 or 10000, 20000, 30000."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a company enters for this template."""

    name: str
    label: str
    pattern: str = ""
    """What the whole value looks like (`pattern`); empty where anything goes."""
    default: str = ""
    hint: str = ""
    """What the pattern wants, in words, such as `4 to 7 digits`."""
    dimension: int = 0
    """A company with so many dimensions needs it, because its values mean nothing without; 0 for none."""


@dataclass(frozen=True, slots=True)
class Template:
    """How one importer wants its journal."""

    name: str
    about: str
    columns: Sequence[Column]
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    line_end: str = "\r\n"
    date: str = "YYYY-MM-DD"
    quote_all: bool = False
    """Whether texts are always quoted; figures and dates never need it."""
    headings: bool = True
    above: Sequence[str] = ()
    """Lines above the headings, written as they are but for what stands in braces."""
    rows: Rows = Rows.LINE
    guard_formulas: bool = True
    """Whether a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    zero: str = ""
    """What stands in `debit` or `credit` where the line has none."""
    extension: str = "csv"
    accounts_by_name: bool = False
    """Whether the importer finds accounts by their names, so that no two may share one."""
    prefix: str = ""
    """What the names of its files begin with."""
    settings: Sequence[Setting] = ()

    @property
    def fields(self) -> frozenset[str]:
        """What its columns hold."""
        return frozenset(column.field for column in self.columns if column.field)

    def guards(self, column: Column) -> bool:
        """Whether a text that looks like a formula is made harmless there: nothing by which the importer finds an
        account or a value of a dimension, because that would name nothing any more."""
        names = {"account_name", "counter_account_name"} if self.accounts_by_name else set()
        return self.guard_formulas and column.field in TEXTS - names

    @property
    def debit_leads(self) -> bool:
        """Whether a row books from the account on the counter account, because nothing else in it tells the side."""
        return self.rows is Rows.PAIR and not self.fields & SIDES

    def dimensions(self, known: Sequence[str]) -> Mapping[str, str]:
        """The dimension of each column's `dimension.CODE`, of those a company has in their order.

        Columns numbered from 1 on are the dimensions of these codes if there are all of them, else the first, the
        second and so on. Empty where there is none.
        """
        named = {name.partition(".")[2] for name in self.fields if name.partition(".")[0] in OF_DIMENSION}
        numbers = {code for code in named if code.isascii() and code.isdigit()}
        counted = numbers == {str(place) for place in range(1, len(numbers) + 1)} and not numbers <= set(known)
        return {
            code: _at(known, int(code)) if counted and code in numbers else code if code in known else ""
            for code in named
        }


def _at(known: Sequence[str], place: int) -> str:
    return known[place - 1] if place <= len(known) else ""

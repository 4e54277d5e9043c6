"""The customer's ERP codes that seeds refer to by name, so that a demo can lay real ones over the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

# "prepaid" stands on the balance sheet, where the demo's ERP asks for no dimensions: items without tags go there.
# Defaults are codes of a universal chart of accounts, as the demo's ERP uses them.
ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "expense": "5.1.3",
        "software": "5.1.3",
        "office": "5.1.1",
        "equipment": "5.1.1",
        "rent": "5.1.4",
        "travel": "5.2.2",
        "meals": "5.2.2",
        "mileage": "5.2.2",
        "per_diem": "5.2.2",
        "fees": "6.1.2",
        "interest": "6.2.8",
        "cashback": "6.1.1",
        "prepaid": "1.4.1",
        "wallet": "1.1.1",
        "contra": "1.1.4",
        "out_of_pocket": "2.2.1",
        "payable": "2.1.3",
        "input_tax": "6.3.6",
        "output_tax": "6.3.6",
    }
)
TAX_CODES: Mapping[str, str] = MappingProxyType({"standard": "I25", "exempt": "I0", "reverse": "RC25"})
DIMENSIONS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "cost_centre": ("CC", ("CC01", "CC02", "CC03", "CC04")),
        "project": ("PRJ", ("PRJ01", "PRJ02", "PRJ03")),
    }
)


@dataclass(frozen=True)
class Chart:
    """Account, tax and dimension codes by the names seeds use.

    ``dimensions`` maps a name to its group code and values. ``closed_date`` is a day in a closed period of the ERP;
    left out, seeds take one that is closed in the demo's ERP.
    """

    accounts: Mapping[str, str] = field(default_factory=lambda: ACCOUNTS)
    tax_codes: Mapping[str, str] = field(default_factory=lambda: TAX_CODES)
    dimensions: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=lambda: DIMENSIONS)
    closed_date: date | None = None

    def account(self, name: str) -> str:
        """The code of an account name; ``KeyError`` for a name no seed may use."""
        return self.accounts[name]


def chart_from(overrides: Mapping[str, Any]) -> Chart:
    """The default chart with ``accounts``, ``tax_codes``, ``dimensions`` and ``closed_date`` laid over it.

    Dimensions come as ``{"cost_centre": {"group": "CC", "values": [...]}}``. ``ValueError`` for unknown names.
    """
    dimensions = dict(DIMENSIONS)
    for name, given in (overrides.get("dimensions") or {}).items():
        if name not in DIMENSIONS or not given.get("values"):
            raise ValueError(f"dimensions may hold {', '.join(DIMENSIONS)}, each with group and values")
        dimensions[name] = (str(given["group"]), tuple(str(value) for value in given["values"]))
    closed = overrides.get("closed_date")
    return Chart(
        accounts=_laid_over(ACCOUNTS, overrides.get("accounts"), "accounts"),
        tax_codes=_laid_over(TAX_CODES, overrides.get("tax_codes"), "tax_codes"),
        dimensions=dimensions,
        closed_date=date.fromisoformat(closed) if isinstance(closed, str) else closed,
    )


def _laid_over(defaults: Mapping[str, str], given: Mapping[str, str] | None, what: str) -> Mapping[str, str]:
    unknown = sorted(set(given or {}) - set(defaults))
    if unknown:
        raise ValueError(f"{what} has no {', '.join(unknown)}; it may hold {', '.join(defaults)}")
    return {**defaults, **(given or {})}

"""The ERP codes of the story, taken from the facts of the sandbox's Tryton. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bookkeeping(facts: Mapping[str, Any], company: str = "DK") -> dict[str, Any]:
    """A configuration, as the admin API takes it, that fits a company of the sandbox's Tryton: `DK` or `BE`."""
    ours = facts["companies"][company]
    accounts, taxes = ours["accounts"], ours["taxes"]
    return {
        "journal": facts["journal"],
        "accounts": {
            "wallet": {ours["currency"]: accounts["wallet"], "*": accounts["wallet"]},
            "out_of_pocket": accounts["out_of_pocket"],
            "contra": accounts["contra"],
            "external_reimbursement": accounts["external_reimbursement"],
            "payable": accounts["payable_without_party"],
        },
        "posting_mode": "final",
        "closed_period": "fail",
        "time_zone": "Europe/Copenhagen",
        "tax": {"mode": "explicit", "codes": {code: str(tax) for code, tax in taxes.items()}},
        "dimensions": ["CC", "PRJ"],
    }


def seed_chart(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Codes for Pleo's expenses as the first syncs bring them to Pleo: a tax code's code is the ERP's id of the tax."""
    ours = facts["companies"]["DK"]
    accounts, taxes = ours["accounts"], ours["taxes"]
    names = ("expense", "rent", "software", "travel", "meals", "office")
    chosen = dict(zip(names, ours["expenses"], strict=True))
    more = {
        "equipment": chosen["office"],
        "mileage": chosen["travel"],
        "per_diem": chosen["travel"],
        "fees": chosen["expense"],
        "interest": chosen["expense"],
        "cashback": chosen["expense"],
        "prepaid": "1.4.1",
        "wallet": accounts["wallet"],
        "contra": accounts["contra"],
        "out_of_pocket": accounts["out_of_pocket"],
        "payable": accounts["payable_without_party"],
        "input_tax": accounts["input_vat"],
        "output_tax": accounts["output_vat"],
    }
    dimensions = {"cost_centre": "CC", "project": "PRJ"}
    return {
        "accounts": chosen | more,
        "tax_codes": {
            "standard": str(taxes["I25"]),
            "exempt": str(taxes["I0"]),
            "reverse": str(taxes["RC25"]),
        },
        "dimensions": {
            name: {"group": code, "values": sorted(ours["dimensions"][code]["values"])}
            for name, code in dimensions.items()
        },
        "closed_date": f"{facts['months']['closed']}-15",
    }


def unknown_to_pleo(chart: Mapping[str, Any], master_data: Mapping[str, Any]) -> list[str]:
    """Codes of the seed chart that are not active in Pleo; expenses could not carry them there."""

    def active(rows: Any) -> set[str]:
        return {row["code"] for row in rows if not row["archived"]}

    groups = {group["code"]: active(group["tags"]) for group in master_data["tag_groups"] if not group["archived"]}
    wanted = [
        ("account", set(chart["accounts"].values()) - active(master_data["accounts"])),
        ("tax code", set(chart["tax_codes"].values()) - active(master_data["tax_codes"])),
        *(
            (f"tag of {one['group']}", set(one["values"]) - groups.get(one["group"], set()))
            for one in chart["dimensions"].values()
        ),
    ]
    return [f"{what} {code}" for what, codes in wanted for code in sorted(codes)]

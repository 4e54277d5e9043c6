"""A finance admin at the set-up: what they fill in and press, with script or without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.support.browser import Person

CONTINUE = "Save and continue"


def choose(ada: Person, label: str, code: str) -> None:
    """One of a long list, by its code: typed where there is script, picked where there is none."""
    field = ada.page.get_by_label(label, exact=True).and_(ada.page.locator("input, select")).first
    if ada.javascript:
        field.fill(code)
        field.press("Tab")
        expect(field.locator("xpath=..").locator("select")).to_have_value(code)
    else:
        field.select_option(code)


def connect_erp(ada: Person, binding: dict[str, Any], company: str, looked: Callable[[str], None]) -> None:
    """Step one: address, database and key, a test, and the company chosen from those the key may see."""
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Connect your accounting system")
    ada.page.get_by_label("Address of Tryton", exact=True).fill(binding["base_url"])
    ada.page.get_by_label("Database", exact=True).fill(binding["database"])
    ada.page.get_by_label("Key of the integration user", exact=True).fill("not the key")
    ada.press("Test the connection")
    expect(ada.page.get_by_role("alert")).to_be_visible()
    looked("setup-erp.wrong-key")
    assert ada.page.get_by_label("Key of the integration user", exact=True).input_value() == ""
    assert ada.page.get_by_label("Database", exact=True).input_value() == binding["database"], "typed in vain"
    ada.page.get_by_label("Key of the integration user", exact=True).fill(binding["api_key"])
    ada.press("Test the connection")
    looked("setup-erp.companies")
    ada.page.get_by_role("radio", name=company).check()
    ada.press("Book in this company")
    expect(ada.page.get_by_role("status").first).to_have_text("The accounting system is connected.")


def choose_accounts(ada: Person, configuration: dict[str, Any]) -> None:
    """Step two, from the live chart."""
    accounts = configuration["accounts"]
    choose(ada, "Journal", configuration["journal"])
    choose(ada, "Pleo wallet", accounts["wallet"]["*"])
    choose(ada, "Owed to employees", accounts["out_of_pocket"])
    choose(ada, "Wallet top-ups", accounts["contra"])
    choose(ada, "Reimbursed outside Pleo (optional)", accounts["external_reimbursement"])
    choose(ada, "Accounts payable (optional)", accounts["payable"])
    ada.press(CONTINUE)


def choose_the_rest(ada: Person, looked: Callable[[str], None]) -> None:
    """Steps three to five."""
    heading = ada.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Decide how entries are made")
    ada.page.get_by_role("radio", name="Final entries").check()
    choose(ada, "Time zone", "Europe/Copenhagen")
    looked("setup-posting")
    ada.press(CONTINUE)
    expect(heading).to_have_text("Choose the dimensions")
    for box in ada.page.get_by_role("checkbox").all()[:2]:
        box.check()
    looked("setup-dimensions")
    ada.press(CONTINUE)
    expect(heading).to_have_text("Choose what is kept in step")
    looked("setup-syncs")
    if not ada.javascript:  # the longest lists, which the story with script brings to Pleo
        for kind in ("Accounts", "Vendors"):
            ada.page.get_by_role("checkbox", name=f"Synchronise: {kind}").uncheck()
    ada.press(CONTINUE)

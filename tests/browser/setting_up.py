"""A finance admin at the set-up: what they fill in and press, with script or without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.looking import glance
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


def choose_kind(ada: Person, name: str) -> None:
    """Which accounting system, of all there are."""
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Connect your accounting system")
    ada.page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
    expect(ada.page.get_by_role("heading", level=2, name=name)).to_be_visible()


def look_at_kinds(ada: Person) -> None:
    """The form of each accounting system there is, with all that any choice in it asks for."""
    here = ada.path
    kinds = {one.inner_text(): one.get_attribute("href") for one in ada.page.locator(".kinds a").all()}
    assert len(kinds) > 1
    for path in kinds.values():
        ada.go(str(path))
        for part in ada.page.locator("fieldset.when").all():
            part.evaluate("part => { part.hidden = false; }")
        glance(ada, f"setup-erp.{str(path).partition('=')[2].partition('#')[0]}")
    ada.go(here)


def connect_files(ada: Person, chart: Path, looked: Callable[[str], None]) -> None:
    """Step one of a company of files: its chart, first a wrong one, then the right one."""
    looked("setup-erp.which")
    look_at_kinds(ada)
    choose_kind(ada, "SIE 4 files")
    place = ada.page.get_by_label("Address of the folder", exact=True)
    expect(place).to_be_hidden() if ada.javascript else expect(place).to_be_visible()
    file = ada.page.get_by_label("Your chart of accounts as an SIE file", exact=True)
    file.set_input_files({"name": "letter.se", "mimeType": "text/plain", "buffer": b"Dear Sir or Madam"})
    ada.page.get_by_label("Where the files go", exact=True).select_option("Into an S3 bucket")
    looked("setup-erp.files")
    ada.page.get_by_label("Where the files go", exact=True).select_option("I download them")
    ada.press("Test the connection")
    expect(ada.page.get_by_role("alert")).to_be_visible()
    looked("setup-erp.wrong-file")
    ada.page.get_by_role("alert").get_by_role("link").first.click()
    expect(file).to_be_focused()
    file.set_input_files(chart)
    ada.press("Test the connection")
    expect(ada.page.get_by_role("heading", level=2, name="The connection works")).to_be_visible()
    ada.press("Book in this company")
    expect(ada.page.get_by_role("status").first).to_have_text("The accounting system is connected.")
    ada.page.get_by_role("navigation", name="Steps").get_by_role("link", name="Accounting system").click()
    expect(ada.page.get_by_text("What this accounting system does not take")).to_be_visible()
    looked("setup-erp.bound-files")
    ada.press("Continue")


def connect_erp(ada: Person, binding: dict[str, Any], company: str, looked: Callable[[str], None]) -> None:
    """Step one: address, database and key, a test, and the company chosen from those the key may see."""
    choose_kind(ada, "Tryton")
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
    if accounts["payable"]:
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

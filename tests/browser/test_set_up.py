"""From the press of Connect to a mended expense, as a finance admin does it: nothing but the pages, nothing read up."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from ledgerbridge.demo.books import seed_chart
from tests.browser.conftest import MakePerson, MakeSite
from tests.browser.looking import look
from tests.support.browser import Person
from tests.support.rig import Pleo

GOOD, BAD = "card_purchase", "bad_closed_period"


def test_connect_set_up_preview_go_live_export_read_the_reason_mend_and_export_again(
    make_site: MakeSite, make_person: MakePerson
) -> None:
    with make_site() as site:
        site.serve()
        ada = make_person(site)
        with closing(Pleo(site.sandbox.url, chart=seed_chart(site.tryton.facts))) as bookkeeper:
            bookkeeper.queue(GOOD, BAD)

        press_in_pleo(ada, "Connect")
        ada.press("Allow")
        assert ada.path == "/settings/setup/erp"
        look(ada, "set-up.erp.empty")
        key = enter_the_erp(ada)
        choose_accounts(ada)
        decide_on_entries(ada)
        choose_dimensions(ada)
        ada.press("Save and continue")  # all lists, as often as suggested

        assert ada.path == "/settings/setup/preview"
        press_in_pleo(ada, "Export")
        ada.go("/settings/setup/preview")
        expect(ada.page.get_by_text("Reading both sides")).to_have_count(0, timeout=60_000)
        assert_preview(ada)
        assert site.entries() == {}
        look(ada, "set-up.preview", keyboard=False)

        ada.press("Continue")
        look(ada, "set-up.go-live")
        ada.press("Activate")
        expect(ada.page.get_by_role("heading", name="You are live")).to_be_visible(timeout=120_000)
        look(ada, "set-up.live")
        ada.page.get_by_role("link", name="Back to Pleo").click()
        assert ada.page.url.startswith(site.sandbox.url)

        ada.go("/settings")
        reason = once_it_shows(ada, "period")
        assert site.entries().total() == 1
        look(ada, "home.one-failed")
        expect(ada.page.get_by_role("row").filter(has_text=re.compile("closed", re.I)).first).to_be_visible()
        assert key not in ada.page.content()

        ada.go("/settings/setup/posting")
        ada.page.get_by_label("Book it in the next open month").check()
        ada.press("Save")
        expect(ada.page.get_by_text("It counts for everything booked from now on")).to_be_visible()
        press_in_pleo(ada, "Export")
        ada.go("/settings")
        expect_booked(ada, 2)
        assert reason not in ada.text
        assert site.entries().total() == 2
        assert set(site.entries().values()) == {1}
        look(ada, "home.all-booked", keyboard=False)


def press_in_pleo(ada: Person, name: str) -> None:
    ada.go(ada.site.sandbox.url)
    ada.press(name)


def enter_the_erp(ada: Person) -> str:
    """Tryton's address, database and key; a slip first, which costs nothing. The key."""
    asked = ada.site.tryton.binding()
    page = ada.page
    page.get_by_label("Address of Tryton").fill(asked["base_url"])
    page.get_by_label("Database").fill(asked["database"])
    page.get_by_label("Key of the integration user").fill("not-the-key")
    ada.press("Test the connection")
    expect(page.get_by_role("alert")).to_be_visible()
    look(ada, "set-up.erp.faulty")
    assert page.get_by_label("Database").input_value() == asked["database"]
    page.get_by_label("Key of the integration user").fill(asked["api_key"])
    ada.press("Test the connection")
    look(ada, "set-up.erp.companies")
    assert asked["api_key"] not in page.content()
    page.reload()
    page.get_by_role("group", name="Company").get_by_role("radio").first.check()
    company = ada.site.tryton.facts["companies"]["DK"]["name"]
    page.get_by_role("radio", name=company).check()
    ada.press("Book in this company")
    return str(asked["api_key"])


def choose_accounts(ada: Person) -> None:
    """By typing a part of the name or the number, as one does."""
    accounts = ada.site.configuration()["accounts"]
    choose(ada, "Journal", ada.site.configuration()["journal"])
    choose(ada, "Pleo wallet", next(iter(accounts["wallet"].values())))
    choose(ada, "Owed to employees", accounts["out_of_pocket"])
    choose(ada, "Wallet top-ups", accounts["contra"])
    choose(ada, "Reimbursed outside Pleo", accounts["external_reimbursement"])
    ada.press("Save and continue")


def choose(ada: Person, label: str, code: str) -> None:
    field = ada.page.get_by_role("combobox", name=label).first
    field.fill(code)
    ada.page.get_by_role("option").filter(has_text=re.compile(rf"^{re.escape(code)}\b")).first.click()


def decide_on_entries(ada: Person) -> None:
    assert ada.path.startswith("/settings/setup/posting")
    ada.page.get_by_label("Final entries").check()
    ada.page.get_by_label("Return the expense").first.check()
    ada.press("Save and continue")


def choose_dimensions(ada: Person) -> None:
    for name in ("Cost", "Project"):
        ada.page.get_by_role("checkbox", name=re.compile(name)).check()
    ada.press("Save and continue")


def assert_preview(ada: Person) -> None:
    text = ada.text
    assert "To create" in text
    assert "Would be booked" in text
    assert "Would not be booked" in text
    figures = [figure.inner_text() for figure in ada.page.locator("article tfoot td.figure").all()]
    assert len(set(figures)) == 1, f"debit and credit differ: {figures}"


def once_it_shows(ada: Person, word: str) -> str:
    """Load the page until the failed expense is there; its reason."""
    for _ in range(60):
        table = ada.page.get_by_role("region", name="Expenses that failed")
        cells = table.get_by_role("cell").all_inner_texts()
        found = [one for one in cells if word in one]
        if found:
            return found[0]
        ada.page.wait_for_timeout(500)
        ada.page.reload()
    pytest.fail(f"no reason with the word {word}:\n{ada.text}")


def expect_booked(ada: Person, number: int) -> None:
    for _ in range(60):
        shown = ada.page.locator("dl.figures div").filter(has_text="Booked").first.inner_text()
        if re.search(rf"\b{number}\b", shown):
            return
        ada.page.wait_for_timeout(500)
        ada.page.reload()
    pytest.fail(f"not {number} booked:\n{ada.text}")

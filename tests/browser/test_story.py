"""The customer's story from Connect to a booked expense, told once with script and once without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from ledgerbridge.demo.books import bookkeeping
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID, THIRD_COMPANY_ID
from tests.browser import company_of_files
from tests.browser.conftest import MakePerson
from tests.browser.looking import look_once
from tests.browser.setting_up import choose_accounts, choose_the_rest, connect_erp, connect_files
from tests.support.browser import Person
from tests.support.commands import until
from tests.support.rig import Pleo
from tests.support.sie_reader import read as read_sie
from tests.support.site import Site
from tests.support.sites import MakeSite
from tryton_sandbox import count_moves

CLOSED = "bad_closed_period"
"""An expense of a month that is closed in the ERP: it fails, until the set-up says what to do with such."""


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Iterator[Site]:
    with make_site() as made:
        made.serve()
        yield made


@pytest.mark.parametrize(
    "javascript",
    [
        pytest.param(True, id="with-script"),
        # `console/test_setup_walk` goes the same way by plain forms, `test_full_of_life` looks at the pages.
        pytest.param(False, marks=pytest.mark.long, id="without-script"),
    ],
)
def test_from_connect_to_a_booked_expense(site: Site, make_person: MakePerson, javascript: bool) -> None:
    who = ("Demo ApS", DEMO_COMPANY_ID, "DK") if javascript else ("Zweig & Söhne GmbH", THIRD_COMPANY_ID, "BE")
    name, company_id, books = who
    pleo = Pleo(site.sandbox.url, company_id, chart_of(site, books))
    ada = make_person(site, javascript=javascript)

    def looked(state: str) -> None:
        if javascript:
            look_once(ada, state)

    ada.go(f"{site.sandbox.url}/?company={company_id}")
    ada.press("Connect")
    ada.page.get_by_role("radio", name=name, exact=True).check()
    ada.press("Allow")
    company = site.tryton.facts["companies"][books]["name"]
    connect_erp(ada, site.tryton.binding(books), company, looked)
    to_next(ada)
    leave_and_come_back(ada, site, name)
    choose_accounts(ada, bookkeeping(site.tryton.facts, books))
    choose_the_rest(ada, looked)

    pleo.queue("card_purchase", CLOSED)
    first = press_export(ada, site, pleo)
    foresee(ada, javascript=javascript)
    looked("setup-preview.expenses")
    ada.press("Continue")
    assert count_moves(site.tryton, "%[PLEO:%", books) == 0, "a preview booked something"
    go_live(ada, looked)
    ada.page.get_by_role("main").get_by_role("link", name="Overview").click()
    closed = closed_job(pleo, first)
    assert closed["status"] == "completed_with_errors"
    reason = failed(ada)
    assert reason in str([item.get("failureReason") for item in closed["items"]]), "Pleo shows another reason"
    looked("home.failed")

    ada.press("Set-up")
    ada.page.locator("a[href='/settings/setup/posting']").click()
    ada.page.get_by_role("radio", name="Book it in the next open month").check()
    ada.press("Save")
    expect(ada.page.get_by_role("status").first).to_contain_text("Saved")
    again = press_export(ada, site, pleo)
    assert closed_job(pleo, again)["status"] == "completed"
    ada.go("/settings")
    expect(ada.page.get_by_text("Failed, and not booked since")).to_have_count(0)
    looked("home.booked")
    ada.page.locator("a[href^='/settings/exports/']").first.click()
    entry = ada.page.get_by_role("link", name=re.compile("opens in a new window")).and_(
        ada.page.locator(f"a[href*='{site.tryton.database}']")
    )
    expect(entry.first).to_be_visible()
    looked("export.completed")
    assert count_moves(site.tryton, "%[PLEO:%", books) == 2, "each expense is booked once"
    pleo.close()


def test_a_company_of_files_from_its_chart_to_a_file(site: Site, make_person: MakePerson, tmp_path: Path) -> None:
    pleo = Pleo(site.sandbox.url, SECOND_COMPANY_ID, company_of_files.known_to_pleo())
    contra = {"contra_accounts": {"DKK": company_of_files.WALLET}}
    pleo.control("PUT", f"/companies/{SECOND_COMPANY_ID}/contra-accounts", contra)
    ada = make_person(site)

    def looked(state: str) -> None:
        look_once(ada, state)

    ada.connect("Nordlys Kaffe ApS")
    connect_files(ada, company_of_files.chart_file(tmp_path), looked)
    looked("setup-accounts.files")
    choose_accounts(ada, company_of_files.bookkeeping())
    choose_the_rest(ada, lambda state: looked(f"{state}.files"))
    pleo.queue("card_purchase")
    job = press_export(ada, site, pleo)
    ada.go("/settings/setup/activate")
    ada.press("Activate")
    expect(ada.page.get_by_role("heading", name="You are live")).to_be_visible(timeout=180_000)
    assert closed_job(pleo, job)["status"] == "completed"
    ada.press("Set-up")
    looked("setup.files")
    ada.press("To the files")
    looked("settings-files")
    ada.page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(ada.page.get_by_role("heading", name="Vouchers")).to_be_visible()
    looked("settings-files-file_id")
    with ada.page.expect_download() as fetched:
        ada.page.get_by_role("link", name="Download the file", exact=True).click()
    vouchers = read_sie(fetched.value.path().read_bytes()).vouchers
    assert [one.series for one in vouchers] == ["P"]
    assert {row.account for one in vouchers for row in one.rows} >= {company_of_files.WALLET, company_of_files.EXPENSE}
    pleo.close()


def chart_of(site: Site, books: str) -> dict[str, Any]:
    """Codes for expenses as the first syncs bring them to Pleo: a tax code's code is the ERP's id of the tax."""
    facts = site.tryton.facts
    ours = facts["companies"][books]
    tax = str(next(iter(ours["taxes"].values())))
    names = ("expense", "rent", "software", "travel", "meals", "office", "equipment")
    return {
        "accounts": {
            **dict.fromkeys(names, ours["expenses"][0]),
            "wallet": ours["accounts"]["wallet"],
            "input_tax": ours["accounts"]["input_vat"],
            "output_tax": ours["accounts"]["output_vat"],
        },
        "tax_codes": dict.fromkeys(("standard", "exempt", "reverse"), tax),
        "closed_date": f"{facts['months']['closed']}-15",
    }


def to_next(ada: Person) -> None:
    """On from a step whose work is done, if the page did not go on by itself."""
    onward = ada.page.get_by_role("link", name="Continue", exact=True)
    if onward.count():
        onward.click()
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Choose the journal and the accounts")


def leave_and_come_back(ada: Person, site: Site, company: str) -> None:
    """Half-way: kept, signed out, in again by Pleo, and on where it was left."""
    ada.press("Save and go on later")
    ada.press("Sign out")
    ada.go(f"{site.url}/settings")
    ada.press("Sign in with Pleo")
    ada.page.get_by_role("radio", name=company, exact=True).check()
    ada.press("Allow")
    ada.go("/settings/setup")
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Choose the journal and the accounts")


def press_export(ada: Person, site: Site, pleo: Pleo) -> str:
    """Press Export on Pleo's page; the job's id. The browser is back at our page then."""
    here = ada.page.url
    ada.go(f"{site.sandbox.url}/?company={pleo.company_id}")
    ada.press("Export")
    job = ada.page.url.rsplit("/", 1)[1]
    ada.go(here)
    return job


def foresee(ada: Person, *, javascript: bool) -> None:
    """The preview: what the first syncs would do, and what the waiting expenses would become."""
    ada.go("/settings/setup/preview")
    if not javascript:
        ada.press("Look now")
    table = ada.page.get_by_role("table").filter(has=ada.page.get_by_role("columnheader", name="Debit")).first
    expect(table).to_be_visible()
    debit, credit = table.locator("tfoot td.figure").all_inner_texts()
    assert debit == credit != "0.00"
    expect(ada.page.get_by_text("is closed or not set up")).to_be_visible()


def go_live(ada: Person, looked: Callable[[str], None]) -> None:
    """Activate, and wait for the first syncs as a person does."""
    looked("setup-activate")
    ada.press("Activate")
    live = ada.page.get_by_role("heading", name="You are live")
    if ada.javascript:
        expect(live).to_be_visible(timeout=180_000)
    else:
        until("the end of the first syncs", lambda: _seen_after_reload(ada, live.count), 180, 0.5)
    looked("setup-activate.live")


def _seen_after_reload(ada: Person, count: Callable[[], int]) -> bool:
    if not count():
        ada.page.reload()
    return bool(count())


def failed(ada: Person) -> str:
    """The reason that the home shows for the one failed expense."""

    def shown() -> str | None:
        ada.go("/settings")
        cells = ada.page.get_by_role("table", name=re.compile("failed", re.IGNORECASE)).locator("tbody td").first
        return cells.inner_text() if cells.count() else None

    reason = until("the failed expense at home", shown, 60, 0.5)
    assert "is closed or not set up" in reason
    return reason.partition("\n")[0].removesuffix("Open the set-up").strip()


def closed_job(pleo: Pleo, job_id: str) -> dict[str, object]:
    """The job once Pleo shows it ended."""
    return until(
        f"job {job_id} closed", lambda: (job := pleo.job(job_id))["status"].startswith(("comp", "fail")) and job, 90
    )

"""A company full of life in the browsers of its bookkeeper, of another company's, and of the operations team."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakePerson
from tests.browser.looking import glance, look_once
from tests.browser.routes import enter, name_at, pages
from tests.browser.stage import Stage, full_of_life
from tests.integration.web.guarded import Guard
from tests.support.browser import Person
from tests.support.commands import until
from tests.support.sites import MakeSite

OTHER = "Nordlys Kaffe ApS"


@pytest.fixture(scope="module")
def stage(make_site: MakeSite) -> Iterator[Stage]:
    with make_site() as site:
        yield full_of_life(site)


@pytest.mark.parametrize(
    ("guard", "javascript", "everywhere"),
    [
        pytest.param(Guard.CUSTOMER, True, False, id="customer-with-script"),
        pytest.param(Guard.OPERATOR, True, False, id="operator-with-script"),
        # Of the same parts, which `test_parts` looks at without script one by one.
        pytest.param(Guard.CUSTOMER, False, False, marks=pytest.mark.long, id="customer-without-script"),
        pytest.param(Guard.OPERATOR, False, False, marks=pytest.mark.long, id="operator-without-script"),
        # `test_parts` looks in every light and width at the parts that all pages are made of.
        pytest.param(Guard.CUSTOMER, True, True, marks=pytest.mark.long, id="customer-everywhere"),
        pytest.param(Guard.OPERATOR, True, True, marks=pytest.mark.long, id="operator-everywhere"),
    ],
)
def test_every_page_can_be_used_by_everybody(
    stage: Stage, make_person: MakePerson, guard: Guard, javascript: bool, everywhere: bool
) -> None:
    person = enter(make_person, stage, guard, javascript=javascript)
    wrong = []
    for page in pages(guard):
        path = page.filled(stage.ids)
        answer = person.go(path)
        if answer.status != 200:
            wrong.append(f"{page.path}: {answer.status} at {path}")
            continue
        person.follow()
        try:
            if javascript:
                look_once(person, name_at(person), everywhere=everywhere)
            else:
                glance(person, f"{name_at(person)}.without-script")
        except AssertionError as told:
            wrong.append(str(told))
    assert not wrong, "\n\n".join(wrong)
    assert person.refused == [], "a page asked for something it was refused"


def test_two_companies_in_two_browsers_never_see_each_other(stage: Stage, make_person: MakePerson) -> None:
    ada, bob = enter(make_person, stage, Guard.CUSTOMER), make_person(stage.site)
    bob.connect(OTHER)
    ada.go("/settings")
    assert_own(ada, "Demo ApS", OTHER)
    assert_own(bob, OTHER, "Demo ApS")
    theirs = {stage.connection, *stage.ids.values(), "Demo ApS"} - {"1"}
    seen = []
    for page in pages(Guard.CUSTOMER):
        path = page.filled(stage.ids)
        answer = bob.go(path)
        bound_to_others = any(one in path for one in theirs)
        assert answer.status == 404 if bound_to_others else answer.status in (200, 404), f"{path}: {answer.status}"
        text = bob.page.content().replace(path, "")
        found = [one for one in theirs if one in text]
        assert not found, f"{path} shows {found} of the other company"
        if answer.status == 200:
            seen.append(bob.path)
            glance(bob, f"{name_at(bob)}.just-connected")
    assert len(set(seen)) > 3, seen
    assert_own(ada, "Demo ApS", OTHER)


def test_who_signs_in_for_another_company_sees_only_that_one_from_then_on(
    stage: Stage, make_person: MakePerson
) -> None:
    """The same person may keep the books of both, in one browser: pages of the first must not come back."""
    ada = make_person(stage.site)
    ada.connect(OTHER)
    ada.go("/settings")
    assert_own(ada, OTHER, "Demo ApS")
    ada.go("/settings/sign-in?to=/settings/exports")
    ada.page.get_by_role("radio", name="Demo ApS", exact=True).check()
    ada.press("Allow")
    assert_own(ada, "Demo ApS", OTHER)
    ada.page.go_back()
    ada.page.go_back()
    ada.page.reload()
    if ada.page.url.startswith(stage.site.url):
        assert OTHER not in ada.text


def test_a_form_of_one_company_sent_by_a_browser_of_the_other_is_refused(stage: Stage, make_person: MakePerson) -> None:
    ada, bob = enter(make_person, stage, Guard.CUSTOMER), make_person(stage.site)
    bob.connect(OTHER)
    ada.go("/settings/syncs")
    runs = stage.sql("select count(*) from sync_runs")
    ada.context.clear_cookies()
    ada.context.add_cookies(bob.cookies())
    ada.page.locator("main form button").first.click()
    ada.page.wait_for_load_state()
    assert ada.refused[-1][1] == 403
    assert "This form is no longer valid" in ada.text
    assert stage.sql("select count(*) from sync_runs") == runs


def test_from_an_alert_to_the_remedy(stage: Stage, make_person: MakePerson) -> None:
    """LedgerbridgeUnknownPostings: its runbook entry names the page, and the page has the button."""
    stage.lose_outcome()
    until("the alert's metric", lambda: stage.site.metric("ledgerbridge_postings_unknown") > 0, 120)
    ada = enter(make_person, stage, Guard.OPERATOR)
    ada.go("/admin")
    ada.page.get_by_role("link", name="Unknown outcomes").first.click()
    row = ada.page.locator("tbody tr").filter(has_text=stage.unknown)
    expect(row).to_be_visible()
    with ada.page.expect_navigation():
        row.get_by_role("button").click()
    expect(ada.page.get_by_role("status").first).to_be_visible()
    expect(ada.page.locator("tbody tr").filter(has_text=stage.unknown)).to_have_count(0)
    assert stage.sql("select state from postings where accounting_entry_id = %s", stage.unknown) == [("booked",)]
    assert stage.site.entries()[stage.unknown] == 1


def test_a_date_range_is_replayed_and_nothing_is_booked_twice(stage: Stage, make_person: MakePerson) -> None:
    booked = stage.site.entries()
    ada = enter(make_person, stage, Guard.OPERATOR)
    ada.go("/admin/deliveries")
    ada.page.get_by_role("link", name=re.compile("^Replay")).first.click()
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    ada.page.locator("input[name=from]").fill(f"{yesterday:%Y-%m-%dT%H:%M}")
    ada.page.locator("input[name=to]").fill(f"{yesterday + dt.timedelta(days=2):%Y-%m-%dT%H:%M}")
    ada.press("Show what would be done")
    look_once(ada, "admin-deliveries-replay.foreseen")
    assert stage.sql("select sum(replays) from webhook_deliveries") == [(0,)], "looking replayed something"
    with ada.page.expect_navigation():
        ada.page.get_by_role("main").get_by_role("button", name=re.compile("^Replay")).click()
    expect(ada.page.get_by_role("status").first).to_contain_text("Asked for once more")
    replayed = stage.sql("select replays, replayed_by, status from webhook_deliveries")
    assert {(number, by) for number, by, _ in replayed} == {(1, "admin:ada")}
    ended = "select count(*) from webhook_deliveries where status in ('queued')"
    until("the end of what was replayed", lambda: stage.sql(ended) == [(0,)], 60)
    assert stage.site.entries() == booked
    ada.press("Filter")
    expect(ada.page.locator("tbody tr")).to_have_count(len(replayed))


def assert_own(person: Person, company: str, other: str) -> None:
    html = person.page.content()
    assert company in html
    assert other not in html

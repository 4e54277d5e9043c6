"""Two companies in two browsers: neither ever sees anything of the other, whatever address is typed."""

from __future__ import annotations

from tests.browser.conftest import MakePerson
from tests.browser.looking import glance
from tests.browser.routes import enter, name_at, pages
from tests.browser.stage import Stage
from tests.integration.web.guarded import Guard
from tests.support.browser import Person

OTHER = "Nordlys Kaffe ApS"


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


def assert_own(person: Person, company: str, other: str) -> None:
    html = person.page.content()
    assert company in html
    assert other not in html

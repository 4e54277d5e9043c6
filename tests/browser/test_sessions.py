"""How long a browser stays signed in, and the way back to the page one was on."""

from __future__ import annotations

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.browser.conftest import MakePerson
from tests.browser.routes import enter
from tests.browser.stage import Stage
from tests.integration.web.guarded import Guard
from tests.support.browser import Person

ENDED = {
    "over": "expires_at = now() - interval '1 second'",
    "idle": "last_seen_at = now() - interval '3 hours'",
}
CUSTOMER_PAGE = "/settings/exports?state=failed"
OPERATOR_PAGE = "/admin/exports?status=failed"


@pytest.mark.parametrize("javascript", [True, False], ids=["with-script", "without-script"])
@pytest.mark.parametrize("how", ENDED)
def test_a_customer_whose_session_ended_signs_in_with_pleo_and_is_back_where_they_were(
    stage: Stage, make_person: MakePerson, how: str, javascript: bool
) -> None:
    ada = customer(stage, make_person, javascript=javascript)
    assert ada.go(CUSTOMER_PAGE).status == 200
    here = ada.path
    end(stage, "browser_sessions", how)
    ada.page.reload()
    assert ada.refused[-1] == ("/settings/exports", 401)
    assert "Demo ApS" not in ada.text
    assert_signs_in(ada)
    assert ada.path == here
    assert stage.sql("select status from connections where company_id = %s", DEMO_COMPANY_ID) == [("active",)]


def test_a_form_sent_after_the_session_ended_changes_nothing(stage: Stage, make_person: MakePerson) -> None:
    ada = customer(stage, make_person)
    ada.go("/settings/syncs")
    runs = stage.sql("select count(*) from sync_runs")
    end(stage, "browser_sessions", "over")
    ada.page.locator("main form button").first.click()
    ada.page.wait_for_load_state()
    assert ada.refused[-1][1] == 401
    assert stage.sql("select count(*) from sync_runs") == runs
    assert_signs_in(ada)
    assert ada.path.startswith("/settings")


def test_what_was_seen_is_gone_after_signing_out_also_with_the_back_button(
    stage: Stage, make_person: MakePerson
) -> None:
    ada = customer(stage, make_person)
    ada.go("/settings/syncs")
    assert "Demo ApS" in ada.text
    ada.press("Sign out")
    assert "Demo ApS" not in ada.text
    ada.page.go_back()
    ada.page.wait_for_load_state()
    assert "Demo ApS" not in ada.text, "a company's page was kept by the browser"
    assert not [one for one in ada.cookies() if one["name"] == "ledgerbridge_session"]


@pytest.mark.parametrize("how", ENDED)
def test_an_operator_whose_session_ended_signs_in_and_is_back_where_they_were(
    stage: Stage, make_person: MakePerson, how: str
) -> None:
    ada = enter(make_person, stage, Guard.OPERATOR)
    assert ada.go(OPERATOR_PAGE).status == 200
    assert ada.path == OPERATOR_PAGE
    end(stage, "admin_sessions", how)
    ada.page.reload()
    assert ada.path.startswith("/admin/sign-in")
    ada.sign_in()
    assert ada.path == OPERATOR_PAGE
    ada.press("Sign out (ada)")
    ada.go(OPERATOR_PAGE)
    assert ada.path.startswith("/admin/sign-in")


def end(stage: Stage, table: str, how: str) -> None:
    """Let time pass for the session that was opened last."""
    newest = f"select token_hash from {table} order by created_at desc limit 1"
    stage.sql(f"update {table} set {ENDED[how]} where token_hash = ({newest})")


def customer(stage: Stage, make_person: MakePerson, *, javascript: bool = True) -> Person:
    """A browser with a session of its own, so that what ends here ends for nobody else."""
    ada = make_person(stage.site, javascript=javascript)
    ada.go("/settings")
    assert_signs_in(ada)
    return ada


def assert_signs_in(ada: Person, company: str = "Demo ApS") -> None:
    """The way back in, from the page that says that nobody is signed in."""
    ada.press("Sign in with Pleo")
    ada.page.get_by_role("radio", name=company, exact=True).check()
    ada.press("Allow")
    assert company in ada.text

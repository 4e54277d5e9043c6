"""The doors: who may not pass is told why, and whose session ended finds the way back to the page they were on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.browser.conftest import MakePerson
from tests.browser.looking import look, look_once
from tests.browser.setting_up import choose_kind
from tests.support.browser import Person
from tests.support.site import Site
from tests.support.sites import MakeSite

ENDED = {
    "over": "expires_at = now() - interval '1 second'",
    "idle": "last_seen_at = now() - interval '3 hours'",
}
CUSTOMER_PAGE = "/settings/exports?state=failed"
OPERATOR_PAGE = "/admin/exports?status=failed"
COMPANY = "Demo ApS"


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Iterator[Site]:
    """A company that has connected and set up nothing."""
    with make_site() as made:
        made.serve()
        made.connect()
        yield made


def test_who_is_not_signed_in_is_told_where_to_go(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    assert ada.go("/settings").status == 401
    look_once(ada, "not-signed-in")


def test_who_is_denied_by_pleo_reads_what_happened_and_what_to_do(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    ada.go("/connect")
    ada.press("Deny")
    assert ada.path.startswith("/oauth/callback")
    assert "nothing was changed" in ada.text.lower() or "nothing was connected" in ada.text.lower(), ada.text
    look_once(ada, "connect-refused")
    assert ada.go("/settings").status == 401


def test_an_operator_signs_in_with_a_token_and_a_wrong_one_is_told(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    assert ada.go("/admin").status == 200
    assert ada.path.startswith("/admin/sign-in")
    look_once(ada, "admin-sign-in")
    ada.sign_in("not-a-token")
    assert ada.refused == [("/admin/sign-in", 401)]
    assert "This token is not an administrator's." in ada.text
    assert ada.page.get_by_label("token").input_value() == "", "a secret was rendered back"
    look_once(ada, "admin-sign-in.refused")
    ada.sign_in()
    assert ada.path == "/admin"


def test_the_description_of_the_api_can_be_read_by_everybody(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    assert ada.go("/docs").status == 200
    look(ada, "docs")


def test_an_address_that_leads_nowhere_is_a_page_with_a_way_on(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    for path in ("/settings/nothing-here", "/admin/nothing-here"):
        assert ada.go(path).status == 404
        look_once(ada, "not-found")


@pytest.mark.parametrize(
    ("how", "javascript"),
    [
        pytest.param("idle", True, id="idle-with-script"),
        pytest.param("over", False, id="over-without-script"),
        pytest.param("idle", False, marks=pytest.mark.long, id="idle-without-script"),
        pytest.param("over", True, marks=pytest.mark.long, id="over-with-script"),
    ],
)
def test_a_customer_whose_session_ended_signs_in_with_pleo_and_is_back_where_they_were(
    site: Site, make_person: MakePerson, how: str, javascript: bool
) -> None:
    ada = customer(site, make_person, javascript=javascript)
    assert ada.go(CUSTOMER_PAGE).status == 200
    here = ada.path
    end(site, "browser_sessions", how)
    ada.page.reload()
    assert ada.refused[-1] == ("/settings/exports", 401)
    assert COMPANY not in ada.text
    sign_in(ada)
    assert ada.path == here
    assert COMPANY in ada.text


def test_a_form_sent_after_the_session_ended_changes_nothing(site: Site, make_person: MakePerson) -> None:
    ada = customer(site, make_person)
    ada.go("/settings/setup/erp")
    choose_kind(ada, "Tryton")
    ada.page.get_by_label("Database", exact=True).fill("books")
    end(site, "browser_sessions", "over")
    ada.press("Save and go on later")
    assert ada.refused[-1] == ("/settings/setup/erp", 401)
    assert sql(site, "select count(*) from setup_drafts where body::text like '%%books%%'") == [(0,)]
    sign_in(ada)
    assert ada.path.startswith("/settings")


def test_what_was_seen_is_gone_after_signing_out_also_with_the_back_button(site: Site, make_person: MakePerson) -> None:
    ada = customer(site, make_person)
    ada.go("/settings/syncs")
    assert COMPANY in ada.text
    ada.press("Sign out")
    assert COMPANY not in ada.text
    ada.page.go_back()
    ada.page.wait_for_load_state()
    assert COMPANY not in ada.text, "a company's page was kept by the browser"
    assert not [one for one in ada.cookies() if one["name"] == "ledgerbridge_session"]


@pytest.mark.parametrize("how", ENDED)
def test_an_operator_whose_session_ended_signs_in_and_is_back_where_they_were(
    site: Site, make_person: MakePerson, how: str
) -> None:
    ada = make_person(site)
    ada.go("/admin/sign-in")
    ada.sign_in()
    assert ada.go(OPERATOR_PAGE).status == 200
    assert ada.path == OPERATOR_PAGE
    end(site, "admin_sessions", how)
    ada.page.reload()
    assert ada.path.startswith("/admin/sign-in")
    ada.sign_in()
    assert ada.path == OPERATOR_PAGE
    ada.press("Sign out (ada)")
    ada.go(OPERATOR_PAGE)
    assert ada.path.startswith("/admin/sign-in")


def sql(site: Site, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        done = connection.execute(statement)
        return done.fetchall() if done.description else []


def end(site: Site, table: str, how: str) -> None:
    """Let time pass for the session that was opened last."""
    newest = f"select token_hash from {table} order by created_at desc limit 1"
    sql(site, f"update {table} set {ENDED[how]} where token_hash = ({newest})")


def customer(site: Site, make_person: MakePerson, *, javascript: bool = True) -> Person:
    """Somebody signed in."""
    ada = make_person(site, javascript=javascript)
    ada.go("/settings")
    sign_in(ada)
    return ada


def sign_in(ada: Person) -> None:
    """The way back in, from the page that says that nobody is signed in."""
    ada.press("Sign in with Pleo")
    ada.page.get_by_role("radio", name=COMPANY, exact=True).check()
    ada.press("Allow")
    assert COMPANY in ada.text

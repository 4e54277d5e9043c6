"""The pages that need no sign-in: the doors, what is said when somebody may not pass, the description of the API."""

from __future__ import annotations

from tests.browser.conftest import MakePerson
from tests.browser.looking import look
from tests.browser.stage import Stage


def test_who_is_not_signed_in_is_told_where_to_go(stage: Stage, make_person: MakePerson) -> None:
    ada = make_person(stage.site)
    assert ada.go("/settings").status == 401
    look(ada, "not-signed-in")


def test_who_is_denied_by_pleo_reads_what_happened_and_what_to_do(stage: Stage, make_person: MakePerson) -> None:
    ada = make_person(stage.site)
    ada.go("/connect")
    ada.press("Deny")
    assert ada.path.startswith("/oauth/callback")
    assert "nothing was changed" in ada.text.lower() or "nothing was connected" in ada.text.lower(), ada.text
    look(ada, "connect-refused")
    assert ada.go("/settings").status == 401


def test_an_operator_signs_in_with_a_token_and_a_wrong_one_is_told(stage: Stage, make_person: MakePerson) -> None:
    ada = make_person(stage.site)
    assert ada.go("/admin").status == 200
    assert ada.path.startswith("/admin/sign-in")
    look(ada, "admin-sign-in")
    ada.sign_in("not-a-token")
    assert ada.refused == [("/admin/sign-in", 401)]
    assert "This token is not an administrator's." in ada.text
    assert ada.page.get_by_label("token").input_value() == "", "a secret was rendered back"
    look(ada, "admin-sign-in.refused")
    ada.sign_in()
    assert ada.path == "/admin"


def test_the_description_of_the_api_can_be_read_by_everybody(stage: Stage, make_person: MakePerson) -> None:
    ada = make_person(stage.site)
    assert ada.go("/docs").status == 200
    look(ada, "docs")


def test_an_address_that_leads_nowhere_is_a_page_with_a_way_on(stage: Stage, make_person: MakePerson) -> None:
    ada = make_person(stage.site)
    for path in ("/settings/nothing-here", "/admin/nothing-here"):
        assert ada.go(path).status == 404
        look(ada, "not-found")

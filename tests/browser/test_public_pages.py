"""The pages that need no sign-in, and that this folder's browser tells of what pages do behind people's backs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import MakePerson
from tests.browser.looking import look
from tests.support.site import Site
from tests.support.sites import MakeSite


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Iterator[Site]:
    with make_site() as made:
        made.serve()
        yield made


def test_who_is_not_signed_in_is_told_where_to_go(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    assert ada.go("/settings").status == 401
    look(ada, "not-signed-in")


def test_the_description_of_the_api_can_be_read_by_everybody(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    assert ada.go("/docs").status == 200
    look(ada, "docs")


def test_connecting_in_pleo_leads_to_the_own_page(site: Site, make_person: MakePerson) -> None:
    ada = make_person(site)
    ada.connect()
    assert ada.path.startswith("/settings")
    assert "Demo ApS" in ada.text
    look(ada, "settings")

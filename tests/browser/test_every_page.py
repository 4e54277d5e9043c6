"""Every page there is, as the routes themselves tell, looked at when full of life; with script and without."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ledgerbridge.web.application import build
from tests.browser.conftest import MakePerson
from tests.browser.looking import look
from tests.browser.stage import Stage, full_of_life
from tests.integration.web.guarded import Guard, Guarded, guarded
from tests.support.browser import Person
from tests.support.sites import MakeSite

NO_PAGES = re.compile(r"/(live|file|download|search|back|provider)$")
"""What a path of a stream, of a file, or of a step between two pages ends with."""
DOORS = {Guard.CUSTOMER: "customer", Guard.OPERATOR: "operator"}


def pages(guard: Guard) -> list[Guarded]:
    """The pages behind this door."""
    return [
        one
        for one in guarded(build(None, secure=False))
        if one.method == "GET" and one.guard is guard and not NO_PAGES.search(one.path)
    ]


def name_of(page: Guarded) -> str:
    """As its pictures are called."""
    return re.sub(r"[^a-z0-9]+", "-", page.path.strip("/"))


@pytest.fixture(scope="module")
def stage(make_site: MakeSite) -> Iterator[Stage]:
    with make_site() as site:
        yield full_of_life(site)


def enter(make_person: MakePerson, stage: Stage, guard: Guard, *, javascript: bool = True) -> Person:
    """Somebody who has come through this door."""
    if guard is Guard.CUSTOMER:
        return make_person(stage.site, cookies=stage.cookies(), javascript=javascript)
    ada = make_person(stage.site, javascript=javascript)
    ada.go("/admin/sign-in")
    ada.sign_in()
    return ada


@pytest.mark.parametrize("javascript", [True, False], ids=["with-script", "without-script"])
@pytest.mark.parametrize("guard", DOORS, ids=DOORS.values())
def test_every_page_can_be_used_by_everybody(
    stage: Stage, make_person: MakePerson, guard: Guard, javascript: bool
) -> None:
    person = enter(make_person, stage, guard, javascript=javascript)
    wrong = []
    for page in pages(guard):
        path = page.filled(stage.ids)
        answer = person.go(path)
        if answer.status != 200:
            wrong.append(f"{page.path}: {answer.status} at {path}")
            continue
        try:
            look(person, name_of(page) if javascript else f"{name_of(page)}.without-script", keyboard=javascript)
        except AssertionError as told:
            wrong.append(str(told))
    person.settle()
    assert not wrong, "\n\n".join(wrong)
    assert person.refused == [], "a page asked for something it was refused"

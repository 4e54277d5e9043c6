"""Every page there is, as the routes themselves tell, looked at when full of life; with script and without."""

from __future__ import annotations

import pytest

from tests.browser.conftest import MakePerson
from tests.browser.looking import glance, look
from tests.browser.routes import enter, name_at, pages
from tests.browser.stage import Stage
from tests.integration.web.guarded import Guard

DOORS = {Guard.CUSTOMER: "customer", Guard.OPERATOR: "operator"}


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
            if javascript:
                look(person, name_at(person))
            else:
                glance(person, f"{name_at(person)}.without-script")
        except AssertionError as told:
            wrong.append(str(told))
    assert not wrong, "\n\n".join(wrong)
    assert person.refused == [], "a page asked for something it was refused"

"""A browser sees and changes its own company alone, whatever ids stand in its address or its form (invariant 7).

Every page and form is found from the routes themselves: a new one is tried as soon as it is there. One whose path has a
place that `Company.ids` cannot fill fails until it can; a form that asks for fields before it looks has a line here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from ledgerbridge.web import application
from ledgerbridge.web.console.doors import csrf_of
from tests.integration.web.guarded import STREAM, Guard, Guarded, guarded
from tests.integration.web.two_companies import Company, Two, content

FIELDS: Mapping[str, Mapping[str, str]] = {}
"""What a form must hold to come as far as looking for the ids, by method and path."""
SHARED = {"kind", "version", "step"}
"""Places of a path that name nothing of a company."""
_OWN_TO_A_REQUEST = re.compile(r"<code>[0-9a-f]{32}</code>")


def pages(guard: Guard) -> list[Guarded]:
    """The pages and forms behind a door, but for streams that do not end by themselves."""
    return [one for one in guarded(application.build(None, secure=True)) if one.guard is guard]


async def sent(browser: httpx.AsyncClient, one: Guarded, ids: Mapping[str, str], csrf: str) -> httpx.Response:
    where = one.filled(ids)
    assert "{" not in where
    if one.unsafe:
        return await browser.request(one.method, where, data={"csrf": csrf, **FIELDS.get(one.name, {})})
    return await browser.request(one.method, where)


def shown(answer: httpx.Response, of: Mapping[str, str]) -> str:
    """The answer without the ids that were asked for and what names this very request."""
    text = f"{answer.status_code} {answer.headers.get('location', '')} {answer.text}"
    for value in of.values():
        text = text.replace(value, "-")
    return _OWN_TO_A_REQUEST.sub("", text)


async def test_ids_of_another_company_open_no_page_and_no_form(two: Two) -> None:
    """They are answered like ids of nobody, and what they name stays as it is."""
    browser, csrf = two.caller(cookie=two.mine.session), csrf_of(two.mine.session)
    unknown = Company("nobodys")
    before = await content(two.face.services.db, of=two.theirs)
    for one in pages(Guard.CUSTOMER):
        places = set(re.findall(r"\{(\w+)", one.path))
        assert places <= two.mine.ids.keys() | SHARED, f"{one.name}: fill its places in `Company.ids`"
        if not places - SHARED:
            continue
        theirs = await sent(browser, one, two.theirs.ids, csrf)
        nobodys = await sent(browser, one, unknown.ids, csrf)
        assert theirs.status_code == 404, (one.name, theirs.text)
        assert shown(theirs, two.theirs.ids) == shown(nobodys, unknown.ids), one.name
        assert two.theirs.shown_in(shown(theirs, two.theirs.ids)) == [], one.name
    assert await content(two.face.services.db, of=two.theirs) == before


async def test_a_page_shows_its_own_company_whatever_is_asked_for(two: Two) -> None:
    browser, theirs = two.caller(cookie=two.mine.session), two.theirs.ids
    asked = {"connection": theirs["connection_id"], "company_id": two.theirs.company_id, "job": theirs["job_id"]}
    for one in pages(Guard.CUSTOMER):
        if one.unsafe or "{" in one.path or one.path.endswith(STREAM):
            continue
        answer = await browser.get(one.path, params=asked, headers={"x-connection-id": theirs["connection_id"]})
        assert answer.status_code < 500, (one.name, answer.text)
        assert two.theirs.shown_in(shown(answer, asked)) == [], one.name


async def test_a_customer_is_nobody_to_the_operators_console(two: Two) -> None:
    """Neither a customer's session, nor one put into the operator's cookie, nor a token of the API opens it."""
    before = await content(two.face.services.db)
    token = two.face.admin.headers["authorization"]
    strangers = [
        two.caller(),
        two.caller(cookie=two.mine.session),
        two.caller(cookie=f"{two.mine.session}; ledgerbridge_admin={two.mine.session}"),
        two.caller(authorization=token),
    ]
    found = pages(Guard.OPERATOR)
    assert found
    for one in found:
        for browser in strangers:
            answer = await sent(browser, one, two.mine.ids, csrf_of(two.mine.session))
            assert answer.status_code == 303, (one.name, answer.text)
            assert answer.headers["location"].startswith("/admin/sign-in"), one.name
            own = answer.text + ("" if "{" in one.path else answer.headers["location"])
            assert two.mine.shown_in(own) + two.theirs.shown_in(own) == [], one.name
    assert await content(two.face.services.db) == before


async def test_an_operator_is_no_customer(two: Two) -> None:
    """What an operator sees of a company has pages of its own, whose records bear the operator's name."""
    await two.face.sign_in_operator()
    for one in pages(Guard.CUSTOMER):
        answer = await sent(two.face.operator, one, two.mine.ids, "")
        assert answer.status_code == 401, one.name
        assert two.mine.shown_in(shown(answer, two.mine.ids)) == [], one.name

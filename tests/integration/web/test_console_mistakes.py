"""What people in a browser get when an address, a query or a form is not as it should be: a page that says so."""

from __future__ import annotations

import pytest

from tests.integration.web.conftest import Face

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/", "/settings/nothing-here", "/admin/nothing-here", "/assets/nothing.css"])
async def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs(
    face: Face, path: str
) -> None:
    person = await face.anybody.get(path, headers=BROWSER)
    assert person.status_code == 404
    assert person.headers["content-type"].startswith("text/html")
    assert "<h1>Nothing is here</h1>" in person.text
    starts = {start for start in ("/settings", "/admin") if f'href="{start}"' in person.text}
    assert starts == {start for start in ("/settings", "/admin") if path.startswith(start)}
    program = await face.anybody.get(path)
    assert (program.status_code, program.headers["content-type"]) == (404, "application/problem+json")


async def test_the_api_answers_programs_even_when_a_browser_asks(face: Face) -> None:
    answer = await face.admin.get("/admin/api/nothing-here", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_form_that_is_too_large_is_told_as_such_and_is_no_fault_of_ours(face: Face) -> None:
    answer = await face.operator.post("/admin/sign-in", data={"token": "x" * 2_000_000}, headers=BROWSER)
    assert answer.status_code == 413

    async def unannounced() -> object:
        for _ in range(40):
            yield b"token=" + b"x" * 50_000 + b"&"

    headers = {**BROWSER, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await face.operator.post("/admin/sign-in", content=unannounced(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413
    assert "The request is too large." in answer.text


async def test_a_form_that_is_no_form_is_told_as_such_and_is_no_fault_of_ours(face: Face) -> None:
    headers = {**BROWSER, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await face.operator.post("/admin/sign-in", content=b"--y\r\nnothing", headers=headers)
    assert answer.status_code in (400, 401), answer.text


async def test_a_method_that_is_not_possible_is_a_page(face: Face) -> None:
    answer = await face.anybody.put("/settings", headers=BROWSER)
    assert answer.status_code == 405
    assert "This method is not possible here." in answer.text
    assert answer.headers["allow"]

"""The parts all pages are made of, and what the small script adds to them, on a page that shows every one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from ledgerbridge.web.console.page import FieldError
from tests.browser.gallery import WRONG, Gallery, gallery_of
from tests.browser.looking import look
from tests.support.browser import Person


@pytest.fixture
def gallery(chromium: Browser) -> Iterator[Gallery]:
    with gallery_of(chromium) as made:
        yield made
    assert [told for one in made.people for told in one.trouble] == []


def combo(ada: Person) -> Locator:
    return ada.page.get_by_role("combobox", name="Account")


def options(ada: Person) -> Locator:
    return ada.page.get_by_role("listbox", name="Account").get_by_role("option")


@pytest.mark.parametrize("javascript", [True, False], ids=["with-script", "without-script"])
@pytest.mark.parametrize("errors", [(), WRONG], ids=["as-it-should-be", "with-errors"])
def test_every_part_can_be_used_by_everybody(
    gallery: Gallery, errors: tuple[FieldError, ...], javascript: bool
) -> None:
    ada = gallery.open(errors=errors, done="Saved." if not errors else None, javascript=javascript)
    look(ada, f"parts.{'errors' if errors else 'sound'}{'' if javascript else '.without-script'}")


def test_errors_are_read_first_and_lead_to_their_fields(gallery: Gallery) -> None:
    ada = gallery.open(errors=WRONG)
    expect(ada.page.get_by_role("alert")).to_be_focused()
    for name, field in (("name", ada.page.get_by_label("Name", exact=True)), ("account", combo(ada))):
        wrong = next(one.text for one in WRONG if one.field == name)
        ada.page.get_by_role("link", name=wrong).click()
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(re.escape(wrong)))


def test_an_account_is_found_by_typing_and_chosen_by_keyboard(gallery: Gallery) -> None:
    ada = gallery.open()
    field = combo(ada)
    field.focus()
    field.press_sequentially("meals caf")
    expect(options(ada)).to_have_text(["1003 Café & meals"])
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    expect(options(ada)).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value("1003 Café & meals")
    expect(field).to_have_attribute("aria-expanded", "false")
    assert gallery.sent == [], "Enter in the list sent the form"
    send(ada)
    assert fields(gallery)["account"] == ["1003"]


def test_an_account_is_chosen_with_the_mouse(gallery: Gallery) -> None:
    ada = gallery.open()
    combo(ada).click()
    expect(options(ada)).to_have_count(200)
    options(ada).get_by_text("1001 Bank").click()
    expect(combo(ada)).to_have_value("1001 Bank")
    send(ada)
    assert fields(gallery)["account"] == ["1001"]


def test_a_whole_code_typed_and_left_is_a_choice(gallery: Gallery) -> None:
    ada = gallery.open()
    combo(ada).fill("1002")
    combo(ada).press("Tab")
    expect(combo(ada)).to_have_value("1002 Travel")


def test_what_is_no_account_cannot_be_sent(gallery: Gallery) -> None:
    ada = gallery.open()
    combo(ada).fill("nowhere")
    expect(options(ada)).to_have_count(0)
    expect(ada.page.get_by_text("Nothing matches.")).to_have_count(1)
    combo(ada).press("Escape")
    send(ada)
    assert gallery.sent == []
    assert combo(ada).evaluate("one => one.validationMessage") == "Nothing matches."


def test_a_changed_mind_sends_nothing_of_the_first_choice(gallery: Gallery) -> None:
    ada = gallery.open()
    combo(ada).fill("1001 Bank")
    combo(ada).press("Tab")
    combo(ada).fill("")
    combo(ada).press("Tab")
    send(ada)
    assert gallery.sent == [], "an account that was taken back was sent, or none where one is needed"


def test_without_script_the_same_choice_is_a_plain_list(gallery: Gallery) -> None:
    ada = gallery.open(javascript=False)
    ada.page.get_by_label("Account", exact=True).select_option("1002")
    send(ada)
    assert fields(gallery)["account"] == ["1002"]
    assert fields(gallery)["csrf"] == ["c" * 64]


def test_a_second_press_of_the_same_button_sends_nothing(gallery: Gallery) -> None:
    ada = gallery.open()
    ada.page.get_by_role("button", name="Check now").dblclick()
    ada.page.wait_for_url("**/settings/check")
    assert gallery.sent == [{"csrf": ["c" * 64], "kind": ["tags"]}]


def test_progress_shows_each_piece_and_ends_at_the_page_it_leads_to(gallery: Gallery) -> None:
    gallery.stream = "event: piece\ndata: <p>Accounts</p>\ndata: <p>are done</p>\n\n"
    ada = gallery.open()
    expect(ada.page.get_by_text("are done")).to_be_visible()
    gallery.stream += "event: over\ndata: \n\n"
    ada.page.wait_for_url("**/settings/after")


def test_without_script_progress_shows_where_it_stood(gallery: Gallery) -> None:
    gallery.stream = "event: piece\ndata: more\n\n"
    assert "Begun" in gallery.open(javascript=False).text


def send(ada: Person) -> None:
    """Fill what the test is not about, and press Save."""
    ada.page.get_by_label("Name", exact=True).fill("Demo ApS")
    ada.page.get_by_role("button", name="Save", exact=True).click()
    ada.page.wait_for_load_state()


def fields(gallery: Gallery) -> dict[str, list[str]]:
    """Of the one form that was sent."""
    (sent,) = gallery.sent
    return sent

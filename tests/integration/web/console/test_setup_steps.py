"""Each step of the set-up by itself: what it offers, what it takes, and what it says of what it does not take."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.bookkeeping.words import Account, Dimension
from tests.integration.web.conftest import Face
from tests.integration.web.console.walking import ACCOUNTS, HERE, Walker, errors_of, where
from tests.support.erp_double import CODES, PAYABLES, down
from tests.support.html import Page


@pytest.fixture
async def walker(face: Face) -> Walker:
    """Signed in, with the accounting system connected by an administrator."""
    return Walker(face, face.browser, await face.bound())


# ------------------------------------------------------------------ accounts


async def test_accounts_are_offered_with_code_name_and_type_and_the_obvious_ones_are_chosen(
    face: Face, walker: Walker
) -> None:
    chart = face.books.chart
    more = (
        Account("90", "1520", "Pleo wallet", type="Cash"),
        Account("91", "1530", "Udlæg, medarbejdere", party_required=True),
        Account("92", "1540", "Closed", active=False),
        Account("93", CODES["contra"], "A second one of that code"),
    )
    face.books.chart = replace(chart, accounts=(*chart.accounts, *more))
    page = await walker.at("accounts")
    form = page.form(f"{HERE}/accounts")
    assert (form.fields["journal"], form.fields["accounts.wallet"]) == ("EXP", "1520")
    assert "Suggested because its name says “Pleo wallet”." in page.text
    assert "1520 Pleo wallet (Cash)" in page.html
    offered = set(form.options["accounts.out_of_pocket"])
    assert "1520" in offered
    assert not offered & {"1530", "1540", CODES["contra"]}, "wants a party, is closed, cannot be told apart"
    assert "accounts.payable" not in form.fields, "this accounting system takes no bills"


async def test_a_suggestion_is_made_once_and_never_over_a_choice(face: Face, walker: Walker) -> None:
    await walker.send("accounts", "later", fields={"journal": "", "accounts.wallet": CODES["wallet"]})
    chart = face.books.chart
    face.books.chart = replace(chart, accounts=(*chart.accounts, Account("90", "1520", "Pleo wallet")))
    page = await walker.at("accounts")
    assert page.form(f"{HERE}/accounts").fields["accounts.wallet"] == CODES["wallet"]
    assert page.form(f"{HERE}/accounts").fields["journal"] == ""
    assert "Suggested" not in page.text


async def test_wallets_in_other_currencies_have_accounts_of_their_own(walker: Walker) -> None:
    more = {
        "accounts.wallet": "",
        "wallet.0.currency": "dkk", "wallet.0.account": CODES["wallet"],
        "wallet.1.currency": "EUR", "wallet.1.account": CODES["input_vat"],
    }  # fmt: skip
    assert where(await walker.send("accounts", fields=ACCOUNTS | more)) == f"{HERE}/posting"
    kept = (await walker.draft())["accounts"]["answers"]["accounts"]["wallet"]
    assert kept == {"DKK": CODES["wallet"], "EUR": CODES["input_vat"]}
    form = (await walker.at("accounts")).form(f"{HERE}/accounts")
    rows = [form.fields[f"wallet.{number}.currency"] for number in range(4)]
    assert rows == ["dkk", "EUR", "", ""], "as entered, with room for more"


WRONG_ACCOUNTS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"journal": ""}, {"journal": "Choose a journal."}),
    ({"accounts.out_of_pocket": ""}, {"accounts.out_of_pocket": "Choose an account."}),
    ({"accounts.wallet": ""}, {"accounts.wallet": "Choose an account, or one for DKK below."}),
    ({"accounts.contra": "4711"}, {"accounts.contra": "Account 4711 does not exist in the accounting system"}),
    ({"journal": "NONE"}, {"journal": "Journal NONE does not exist"}),
    ({"accounts.contra": CODES["wallet"]}, {"accounts.contra": "must differ"}),
    ({"wallet.0.currency": "Krone", "wallet.0.account": "1"}, {"wallet.0.currency": "three letters"}),
    ({"wallet.0.currency": "EUR"}, {"wallet.0.account": "Choose an account."}),
    ({"wallet.0.currency": "EUR", "wallet.0.account": "4711"}, {"wallet.0.account": "4711 does not exist"}),
    (
        {"wallet.0.currency": "EUR", "wallet.0.account": "1300", "wallet.1.currency": "eur",
         "wallet.1.account": "1300"},
        {"wallet.1.currency": "EUR stands here twice."},
    ),
]  # fmt: skip
"""Fields of the form to what is said beside which of them."""


async def test_what_is_wrong_with_an_account_is_told_beside_it(walker: Walker) -> None:
    for fields, faulty in WRONG_ACCOUNTS:
        await walker.send("accounts", "discard")
        answer = await walker.send("accounts", fields=ACCOUNTS | fields)
        assert answer.status_code == 422, fields
        found = errors_of(answer)
        assert set(found) - {""} == set(faulty), fields
        for name, told in faulty.items():
            assert told in found[name]
            assert f'id="f-{name}"' in answer.text, "the list of faults leads nowhere"
            assert f'id="e-{name}"' in answer.text
        assert (await walker.draft())["accounts"]["answers"] is None


async def test_an_account_that_is_gone_shows_as_gone_instead_of_vanishing(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active())
    kept = tuple(one for one in face.books.chart.accounts if one.code != CODES["contra"])
    face.books.chart = replace(face.books.chart, accounts=kept)
    page = await walker.at("accounts")
    assert page.form(f"{HERE}/accounts").fields["accounts.contra"] == CODES["contra"]
    assert f"{CODES['contra']} (not offered by the accounting system any more)" in page.html


async def test_where_bills_are_booked_the_payable_account_is_asked_for(face: Face, walker: Walker) -> None:
    face.books.capabilities = PAYABLES
    form = (await walker.at("accounts")).form(f"{HERE}/accounts")
    assert "accounts.payable" in form.options
    assert where(await walker.send("accounts", fields=ACCOUNTS | {"accounts.payable": CODES["payable"]}))
    assert (await walker.draft())["accounts"]["answers"]["accounts"]["payable"] == CODES["payable"]


# ------------------------------------------------------------------ entries and VAT


async def test_what_the_accounting_system_cannot_do_is_not_asked(face: Face, walker: Walker) -> None:
    face.books.capabilities = replace(face.books.capabilities, can_reverse=False, drafts=False)
    form = (await walker.at("posting")).form(f"{HERE}/posting")
    assert "changed_reexport" not in form.options
    assert "default_vendor" not in form.fields
    assert form.options["posting_mode"] == ["final"]


async def test_the_time_zone_is_suggested_by_the_currency_of_the_books(face: Face, walker: Walker) -> None:
    page = await walker.at("posting")
    assert page.form(f"{HERE}/posting").fields["time_zone"] == "Europe/Copenhagen"
    assert "Suggested because your books are kept in DKK." in page.text
    assert "data-browser-zone" not in page.html
    face.books.chart = replace(face.books.chart, currency="EUR")
    page = await walker.at("posting")
    assert page.form(f"{HERE}/posting").fields["time_zone"] == "UTC"
    assert "data-browser-zone" in page.html, "the browser may know"


async def test_pleos_tax_codes_are_listed_with_the_tax_each_finds(face: Face, walker: Walker) -> None:
    face.pleo.put(
        "tax-codes", {"code": "I25", "name": "Purchase VAT 25%"}, {"code": "OLD", "name": "From another system"},
        {"code": "ARCHIVED", "name": "Not in use", "archived": True},
    )  # fmt: skip
    page = await walker.at("posting")
    assert "Found by itself: I25 Purchase VAT 25%" in page.html
    assert "Not found: choose a tax" in page.html
    assert "ARCHIVED" not in page.html
    form = page.form(f"{HERE}/posting")
    (number,) = [name.split(".")[1] for name, value in form.fields.items() if value == "OLD"]
    fields = form.fields | {"press": "save", f"tax.{number}.erp": "2"}
    assert where(await face.browser.post(f"{HERE}/posting", data=fields)) == f"{HERE}/accounts"
    assert (await walker.draft())["posting"]["answers"]["tax"] == {"mode": "explicit", "codes": {"OLD": "2"}}
    wrong = await face.browser.post(f"{HERE}/posting", data=fields | {f"tax.{number}.erp": "99"})
    assert wrong.status_code == 422
    (name,) = set(errors_of(wrong)) - {""}
    assert name.endswith(".erp")
    assert Page(wrong.text).form(f"{HERE}/posting").fields[name.replace(".erp", ".code")] == "OLD"


async def test_tax_codes_that_cannot_be_read_just_now_keep_what_was_chosen(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active())
    config = await walker.config() or {}
    chosen = config | {"tax": {"mode": "explicit", "codes": {"A": "1", "B": "2"}}}
    assert (await face.admin.put(f"/admin/api/connections/{walker.connection}/config", json=chosen)).status_code == 200
    face.pleo.fault("status", "POST", "/v0/tax-codes*", status=403, times=None)
    page = await walker.at("posting")
    assert "cannot be read just now" in page.text
    fields = {**page.form(f"{HERE}/posting").fields, "press": "save", "closed_period": "today", "tax.0.erp": ""}
    assert (await face.browser.post(f"{HERE}/posting", data=fields)).status_code == 303
    assert (await walker.config() or {})["tax"]["codes"] == {"B": "2"}, "only what was taken out is gone"


async def test_what_is_wrong_with_entries_is_told_beside_it(face: Face, walker: Walker) -> None:
    face.books.capabilities = PAYABLES
    wrong = {"posting_mode": "later", "time_zone": "Mars/Olympus", "tax.mode": "", "default_vendor": "NOBODY"}
    for faulty, value in [*wrong.items(), ("time_zone", "")]:
        await walker.send("posting", "discard")
        answer = await walker.send("posting", fields={faulty: value})
        assert answer.status_code == 422, faulty
        assert set(errors_of(answer)) - {""} == {faulty}
        assert f'id="f-{faulty}"' in answer.text


# ------------------------------------------------------------------ dimensions


def ticked(page: Page) -> int:
    """How many boxes are ticked."""
    return len(re.findall(r'<input type="checkbox"[^>]* checked', page.html))


def dimensions(face: Face, number: int) -> None:
    """So many dimensions in the accounting system."""
    made = tuple(Dimension(str(n), f"D{n}", f"Dimension {n}", {"a": "1", "b": "2"}) for n in range(1, number + 1))
    face.books.chart = replace(face.books.chart, dimensions=made)


@pytest.mark.rule("TAG-023", "TAG-024", "TAG-026", "TAG-028", "TAG-029", "TAG-031")
async def test_a_dimension_with_an_active_tag_group_is_chosen_beforehand_once(face: Face, walker: Walker) -> None:
    face.pleo.put_groups({"code": "cc", "name": "Cost centres"}, {"code": "prj", "name": "Projects", "archived": True})
    page = await walker.at("dimensions")
    assert "Selected for you" in page.text
    assert "Cost centre (CC) 4 values" in page.text
    assert ticked(page) == 1
    assert where(await walker.send("dimensions", lists={"dimensions": []})) == f"{HERE}/accounts"
    page = await walker.at("dimensions")
    assert ticked(page) == 0, "a person took it out"
    assert "Selected for you" not in page.text


@pytest.mark.rule("TAG-020", "TAG-110")
async def test_a_sixth_dimension_is_refused(face: Face, walker: Walker) -> None:
    dimensions(face, 6)
    answer = await walker.send("dimensions", lists={"dimensions": [f"D{n}" for n in range(1, 7)]})
    assert answer.status_code == 422
    assert "You selected 6 dimensions" in errors_of(answer)["dimensions"]


@pytest.mark.rule("TAG-025", "TAG-036")
async def test_more_than_five_are_offered_as_five_lists_and_those_beyond_are_told(face: Face, walker: Walker) -> None:
    dimensions(face, 7)
    face.pleo.put_groups(*({"code": f"D{number}", "name": f"Group {number}"} for number in range(1, 8)))
    page = await walker.at("dimensions")
    form = page.form(f"{HERE}/dimensions")
    lists = {name: value for name, value in form.fields.items() if name.startswith("dimension.")}
    assert list(lists.values()) == ["D1", "D2", "D3", "D4", "D5"]
    assert "no more than 5 can be selected: D6, D7" in page.text
    assert "Dimension 7 (D7) – 2 values" in page.html
    assert where(await walker.send("dimensions", fields={"dimension.0": "D7", "dimension.4": ""}))
    assert (await walker.draft())["dimensions"]["answers"] == {"dimensions": ["D7", "D2", "D3", "D4"]}


@pytest.mark.rule("TAG-027")
async def test_reading_again_shows_what_is_new_and_keeps_the_choice(face: Face, walker: Walker) -> None:
    form = (await walker.at("dimensions")).form(f"{HERE}/dimensions")
    added = Dimension("9", "NEW", "New one", {})
    face.books.chart = replace(face.books.chart, dimensions=(*face.books.chart.dimensions, added))
    face.books._master = None
    again = await face.browser.post(
        f"{HERE}/dimensions", data={**form.fields, "press": "reload", "dimensions": ["PRJ"]}
    )
    assert where(again) == f"{HERE}/dimensions"
    page = await walker.at("dimensions")
    assert "New one (NEW)" in page.text
    assert ticked(page) == 1


@pytest.mark.rule("TAG-021", "TAG-032")
async def test_without_an_active_dimension_there_is_nothing_to_choose(face: Face, walker: Walker) -> None:
    face.books.chart = replace(face.books.chart, dimensions=())
    page = await walker.at("dimensions")
    assert "keeps no active dimension" in page.text
    assert where(await walker.send("dimensions")) == f"{HERE}/accounts"
    answer = await walker.send("dimensions", lists={"dimensions": ["CC"]})
    assert answer.status_code == 422, "one that is not there cannot be chosen by hand"


async def test_dimensions_wait_for_nobody_when_pleo_is_away(face: Face, walker: Walker) -> None:
    face.pleo.fault("status", "GET", "/v0/tag-groups", status=403, times=None)
    page = await walker.at("dimensions")
    assert "tag groups in Pleo cannot be read just now" in page.text
    assert "Cost centre (CC)" in page.text


async def test_dimensions_when_the_accounting_system_is_away(face: Face, walker: Walker) -> None:
    await walker.send("dimensions", lists={"dimensions": ["PRJ"]})
    face.books.before["dimensions"] = [down()]
    page = await walker.at("dimensions")
    assert "cannot be read just now" in page.text
    assert "Chosen so far: PRJ" in page.text


# ------------------------------------------------------------------ synchronisation


async def test_how_often_is_said_in_words_and_another_interval_is_taken_in_minutes(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active(lists=True))
    sent: dict[str, Any] = {
        "syncs.tags.every_minutes": "90",
        "syncs.accounts.enabled": "",
        "syncs.tax_codes.every": "10080",
    }
    assert (await walker.send("syncs", fields=sent)).status_code == 303
    syncs = (await walker.config() or {})["syncs"]
    assert syncs["tags"] == {"enabled": True, "every_minutes": 90}
    assert syncs["accounts"]["enabled"] is False
    assert syncs["tax_codes"]["every_minutes"] == 10080
    form = (await walker.at("syncs")).form(f"{HERE}/syncs")
    assert form.fields["syncs.tags.every"] == "90"
    assert form.fields["syncs.tags.every_minutes"] == ""
    assert "Every 90 minutes" in form.words
    assert "syncs.vendors.every" not in form.fields, "this accounting system keeps no vendors"
    assert syncs["vendors"] == {"enabled": True, "every_minutes": 1440}, "and what stands for them stays"


async def test_an_interval_that_is_none_is_told_beside_it(walker: Walker) -> None:
    for minutes in ("0", "-5", "10081", "often", "1.5", "٣" * 3, "9" * 400):
        answer = await walker.send("syncs", fields={"syncs.tags.every_minutes": minutes})
        assert answer.status_code == 422, minutes
        assert "from 1 to 10,080" in errors_of(answer)["syncs.tags.every_minutes"]
        assert minutes in answer.text, "what was entered is shown again"


async def test_very_long_names_and_codes_stay_on_the_page(face: Face, walker: Walker) -> None:
    chart = face.books.chart
    long = Account("90", "9" * 60, "An account with a name " + "that goes on " * 20, type="T" * 80)
    face.books.chart = replace(chart, accounts=(*chart.accounts, long))
    answer = await walker.send("accounts", fields=ACCOUNTS | {"accounts.wallet": long.code})
    assert where(answer) == f"{HERE}/posting"
    assert long.code in (await walker.at("accounts")).form(f"{HERE}/accounts").fields["accounts.wallet"]

"""From a raw export item to the records of the house."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import ExportItem, Money
from ledgerbridge.pleo.items import UnreadableItem, fetched, parse_item, storable

NULLABLE = [
    "user",
    "team",
    "supplier",
    "vendor",
    "bookkeeping",
    "contraAccount",
    "files",
    "note",
    "servicePeriod",
    "subType",
]
NULLABLE_ON_A_LINE = ["account", "tax", "tags"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def with_line(item: dict[str, Any], **members: Any) -> dict[str, Any]:
    item["accountingEntryLines"][0].update(members)
    return item


@pytest.mark.rule("EXP-DATA-09", "EXP-DATA-10")
def test_a_full_item_is_read_member_by_member(sample) -> None:
    item = parse_item(
        sample.item(
            subType="interest",
            bookkeeping={"method": "journal"},
            contraAccount={"id": sample.entry(5), "name": "Pleo DKK", "code": "5820", "identifier": "A1"},
            supplier={"name": "Café", "code": "S1", "account": "6800", "taxIdentifier": "DK1", "country": "UNDEFINED"},
            vendor={"id": sample.entry(6), "name": "Café ApS", "defaultCurrency": "DKK", "code": None},
            user={"id": sample.entry(3), "name": "Ada", "code": "E1"},
            team={"id": sample.entry(4), "name": "Ops"},
            note="lunch",
            servicePeriod={"from": "2025-05-01T00:00:00Z", "to": "2025-05-31T23:59:59Z"},
            files=[{"url": "https://files/1", "type": "application/pdf", "size": 12}, None, {"url": "https://files/2"}],
            additionalInformation={
                "reconciliationId": "R-1",
                "attendees": ["Ada", None, "Bob"],
                "reconciledEntries": ["R-0"],
                "invoiceInformation": {
                    "invoiceNumber": "77",
                    "invoiceDate": "2025-05-01",
                    "dueDate": "2025-05-31T00:00:00Z",
                    "status": "paid",
                },
            },
        )
    )
    (line,) = item.lines
    assert item.amount.wallet == Money(12500, "DKK")
    assert item.amount.wallet.decimal == Decimal("125.00")
    assert (line.amount.wallet.minor, line.net.wallet.minor, line.tax.amount.wallet.minor) == (12500, 10000, 2500)
    assert (line.account.code, line.account.identifier) == ("4010", None)
    assert (line.tax.rate, line.tax.type, line.tax.code) == (Decimal("0.25"), "exclusive", "I25")
    assert [(tag.group_code, tag.code) for tag in line.tags] == [("CC", "OPS")]
    assert (item.type, item.sub_type, item.method) == ("card_purchase", "interest", "journal")
    assert item.date == datetime(2025, 5, 23, 15, 21, 32, tzinfo=UTC)
    assert item.contra_account.code == "5820"
    assert (item.supplier.tax_identifier, item.supplier.country) == ("DK1", "UNDEFINED")
    assert (item.vendor.name, item.vendor.code) == ("Café ApS", None)
    assert (item.user.code, item.team.code) == ("E1", None)
    assert item.service_period == (date(2025, 5, 1), date(2025, 5, 31))
    assert [(file.url, file.type, file.size) for file in item.files] == [
        ("https://files/1", "application/pdf", 12),
        ("https://files/2", None, None),
    ]
    assert (item.attendees, item.reconciled_entries) == (("Ada", "Bob"), ("R-0",))
    assert (item.invoice.number, item.invoice.due_date) == ("77", date(2025, 5, 31))
    assert item.web_link == "https://app.pleo.io/expense/1"


@pytest.mark.rule("EXP-DATA-08")
@pytest.mark.parametrize("absent", [False, True], ids=["null", "absent"])
def test_every_nullable_member_may_be_null_or_absent(sample, absent: bool) -> None:
    raw = sample.item()
    for place, names in ((raw, NULLABLE), (raw["accountingEntryLines"][0], NULLABLE_ON_A_LINE)):
        for name in names:
            place.pop(name, None) if absent else place.update({name: None})
    item = parse_item(raw)
    assert (item.user, item.team, item.supplier, item.vendor, item.method) == (None,) * 5
    assert (item.contra_account, item.note, item.service_period, item.sub_type, item.files) == (
        None,
        None,
        None,
        None,
        (),
    )
    assert (item.lines[0].account, item.lines[0].tax, item.lines[0].tags) == (None, None, ())


@pytest.mark.rule("EXP-DATA-08")
@pytest.mark.parametrize(
    "name",
    ["accountingEntryId", "accountingEntryLines", "additionalInformation", "amount", "companyId", "date", "type"],
)
@pytest.mark.parametrize("how", ["missing", "null"])
def test_a_required_member_that_is_missing_is_named(sample, name: str, how: str) -> None:
    raw = sample.item()
    raw.pop(name) if how == "missing" else raw.update({name: None})
    with pytest.raises(UnreadableItem) as caught:
        parse_item(raw)
    assert caught.value.problem.failure is Failure.PAYLOAD_UNREADABLE
    assert name in caught.value.problem.text


@pytest.mark.rule("EXP-DATA-12")
def test_unknown_types_pass_through_for_bookkeeping_to_refuse(sample) -> None:
    item = parse_item(sample.item(type="crypto_purchase", subType="moon", bookkeeping={"method": "magic"}))
    assert (item.type, item.sub_type, item.method) == ("crypto_purchase", "moon", "magic")


@pytest.mark.rule("EXP-DATA-09")
@pytest.mark.parametrize(("value", "shown"), [(12.5, "12.5"), ("12.50", "'12.50'"), (None, "nothing")])
def test_an_amount_with_a_fraction_is_refused_by_name(sample, value: Any, shown: str) -> None:
    with pytest.raises(UnreadableItem) as caught:
        parse_item(sample.item(amount=sample.amount(value)))
    assert caught.value.problem.failure is Failure.AMOUNT_INVALID
    assert shown in caught.value.problem.text


@pytest.mark.parametrize("currency", ["UNDEFINED", None, ""])
def test_no_currency_reads_as_undefined(sample, currency: Any) -> None:
    assert parse_item(sample.item(amount=sample.amount(1, currency))).amount.wallet.currency == "UNDEFINED"


def test_the_all_zero_account_means_no_category(sample) -> None:
    zero = {"id": "00000000-0000-0000-0000-000000000000", "name": "None", "code": "0"}
    assert parse_item(with_line(sample.item(), account=zero)).lines[0].account is None


@pytest.mark.rule("EXP-DATA-05")
@pytest.mark.parametrize(
    "change",
    [
        {"accountingEntryLines": []},
        {"files": [{"type": "application/pdf"}]},
        {"date": "2025-05-23"},
        {"additionalInformation": {}},
        {"type": 7},
        {"servicePeriod": {"from": "?", "to": "?"}},
    ],
)
def test_a_member_of_the_wrong_shape_makes_a_problem_not_a_guess(sample, change) -> None:
    with pytest.raises(UnreadableItem) as caught:
        parse_item(sample.item(**change))
    assert caught.value.problem.failure is Failure.PAYLOAD_UNREADABLE


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ({}, None),
        (None, None),
        ([], None),
        ({"web": None}, None),
        ({"web": {"exportItem": "javascript:alert(1)"}}, None),
        ({"web": {"other": "https://x/1"}}, "https://x/1"),
        ({"web": {"other": "https://x/1", "exportItem": "https://x/2"}}, "https://x/2"),
    ],
)
def test_the_web_link_is_a_courtesy(sample, links, found) -> None:
    assert parse_item(sample.item(_links=links)).web_link == found


@given(data=st.data())
@pytest.mark.rule("EXP-DATA-05")
def test_whatever_one_member_holds_the_item_is_read_or_refused(sample, data: st.DataObject) -> None:
    raw = copy.deepcopy(sample.item())
    place: Any = raw
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(json_values)
            break
        place = place[key]
    found = fetched(raw)
    assert (found.item is None) is (found.problem is not None)
    assert found.item is None or isinstance(found.item, ExportItem)
    stored = json.dumps(found.raw, allow_nan=False).encode()
    assert b"\\u0000" not in stored
    json.dumps(found.raw, ensure_ascii=False).encode()
    if found.item is not None:
        assert parse_item(json.loads(stored)) == found.item


@given(value=json_values)
def test_whatever_an_element_is_it_does_not_raise(value: Any) -> None:
    assert fetched(value).item is None


def test_endless_nesting_is_one_items_problem(sample) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    found = fetched(sample.item(note=deep))
    assert (found.accounting_entry_id, found.item) == (sample.entry(1), None)
    assert "nested" in found.problem.text


def test_what_postgres_cannot_hold_is_replaced() -> None:
    assert storable({"a\0": ["\ud800x", "é😀", float("inf"), 1]}) == {"a\ufffd": ["\ufffdx", "é😀", None, 1]}


@pytest.mark.rule("EXP-SPLIT-03")
def test_a_line_keeps_its_id_however_often_and_in_whatever_order_it_is_read(sample) -> None:
    raw = sample.item()
    first = raw["accountingEntryLines"][0]
    raw["accountingEntryLines"] = [first, first | {"accountingEntryLineId": "b7b4bd3c-7c2e-4b7e-8a57-4f6f1d6ed5aa"}]
    turned = raw | {"accountingEntryLines": raw["accountingEntryLines"][::-1]}

    ids = [line.id for line in parse_item(raw).lines]

    assert ids == [first["accountingEntryLineId"], "b7b4bd3c-7c2e-4b7e-8a57-4f6f1d6ed5aa"]
    assert [line.id for line in parse_item(turned).lines] == ids[::-1]

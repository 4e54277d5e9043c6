"""Cursors: ours only, for their list only, whatever they carry."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.web.admin.paging import Cursors
from ledgerbridge.web.problems import HttpProblem

KEY = os.urandom(32)
moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.uuids())
def test_a_moment_and_an_id_come_back_as_they_went(moment: datetime, row: uuid.UUID) -> None:
    cursors = Cursors([KEY])
    assert cursors.read_moment("jobs", cursors.write("jobs", (moment, row))) == (moment, row)


@given(st.integers(min_value=0, max_value=2**63))
def test_a_number_comes_back_as_it_went(number: int) -> None:
    cursors = Cursors([KEY])
    assert cursors.read_number("audit", cursors.write("audit", (number,))) == number


@given(st.text(max_size=200))
def test_nothing_made_up_is_taken_for_a_cursor(text: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        Cursors([KEY]).read_number("audit", text)
    assert caught.value.status == 400


@given(st.integers(0, 40), st.integers(1, 63))
def test_no_changed_cursor_is_taken(position: int, step: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    cursors = Cursors([KEY])
    good = cursors.write("audit", (1234567890123456789,))
    position %= len(good) - 1  # the last character may carry bits that stand for nothing
    other = alphabet[(alphabet.index(good[position]) + step) % 64]
    with pytest.raises(HttpProblem):
        cursors.read_number("audit", good[:position] + other + good[position + 1 :])


def test_a_cursor_belongs_to_its_list_and_outlives_a_key_rotation() -> None:
    old, new = os.urandom(32), os.urandom(32)
    cursor = Cursors([old]).write("audit", (7,))
    assert Cursors([new, old]).read_number("audit", cursor) == 7
    with pytest.raises(HttpProblem):
        Cursors([new]).read_number("audit", cursor)
    with pytest.raises(HttpProblem):
        Cursors([old]).read_number("versions", cursor)


def test_a_page_says_whether_another_one_follows() -> None:
    cursors = Cursors([KEY])
    full = cursors.page("n", [3, 2, 1], 2, str, lambda row: (row,))
    assert full.data == ["3", "2"]
    assert cursors.read_number("n", full.next_cursor) == 2
    last = cursors.page("n", [2, 1], 2, str, lambda row: (row,))
    assert (last.data, last.next_cursor) == (["2", "1"], None)

"""Text that strangers sent is brought into one form in bounded time."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.outgoing.texts import MOST_VALUES, composed, load


@given(st.text(max_size=150))
def test_letters_and_accents_become_one(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


def test_a_long_line_of_letters_with_accents_loses_none() -> None:
    line = "a" + "e\u0301o\u0302\u0301" * 1000
    assert composed(line) == unicodedata.normalize("NFC", line)


def test_a_letter_with_endless_accents_holds_nobody_up() -> None:
    began = time.process_time()
    composed("e" + "\u0301\u0323" * 100_000)
    assert time.process_time() - began < 5, "at once it takes minutes, in which nothing else runs"


def test_an_answer_of_next_to_nothing_many_times_over_is_not_unpacked() -> None:
    assert load(b"[[]]") == [[]]
    with pytest.raises(ValueError, match="too many"):
        load(b"[" + b"[]," * MOST_VALUES + b"[]]")

"""What a template asks of a value is held against it as Python would, and never for long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.erp.csv_journal.pattern import PatternError, check, fits

_PIECES = ("a", "b", ".", "[ab]", "[^a]", r"\d", r"[\d-]", r"\.", "|", "?", "*", "+", "{2}", "{0,2}", "{1,}")


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join), st.text("ab1.-", max_size=6))
def test_it_means_what_it_means_elsewhere(pattern: str, text: str) -> None:
    try:
        check(pattern)
    except PatternError:
        return
    assert fits(pattern, text) == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize("pattern", [".*" * 50, "a*" * 49 + "b", "a{0,200}" * 12, "[ab]+" * 20])
def test_no_value_takes_it_for_long(pattern: str) -> None:
    began = time.process_time()
    fits(pattern, "a" * 199 + "!")
    assert time.process_time() - began < 5, "it never ends where it goes wrong"


@pytest.mark.parametrize("pattern", ["(a+)+", "a++", "[a", "a{3,2}", "a{201}", r"\1", "(?=a)", "[z-a]", "a" * 101])
def test_what_is_not_known_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        check(pattern)

"""The key at the end of a description cannot be forged, cut off or mistaken for another."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.tryton import key
from ledgerbridge.erp.tryton.key import Mark

COMPANY = "pleo-company"
ids = st.text(st.characters(codec="ascii", exclude_characters="[]#", min_codepoint=33), min_size=1, max_size=60)
keys = st.builds(PostingKey, st.just(COMPANY), ids, st.integers(1, 10**6))


@pytest.mark.rule("EXP-IDEM-02")
@given(st.text(), keys)
def test_whatever_the_text_the_description_ends_in_its_own_key(text: str, wanted: PostingKey) -> None:
    assert key.read(key.description(text, wanted), COMPANY) == wanted


@given(keys, keys)
def test_a_key_inside_the_text_is_text(forged: PostingKey, wanted: PostingKey) -> None:
    assert key.read(key.description(f"note {key.suffix(forged)}", wanted), COMPANY) == wanted


@given(st.text())
def test_descriptions_are_what_tryton_takes(text: str) -> None:
    plain = key.plain(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]|^\s|\s$|  ", plain)
    assert plain.encode() is not None
    assert key.plain(plain) == plain


def test_the_first_revision_goes_without_a_number() -> None:
    assert key.suffix(PostingKey(COMPANY, "e-1")) == "[PLEO:e-1]"
    assert key.suffix(PostingKey(COMPANY, "e-1", 2)) == "[PLEO:e-1#2]"


@pytest.mark.parametrize("id_", ["", "a]b", "a[b", "a#2", "a b", "a\nb"])
def test_an_id_that_could_not_be_read_back_is_refused(id_: str) -> None:
    with pytest.raises(ValueError):
        key.suffix(PostingKey(COMPANY, id_))


@pytest.mark.parametrize("text", [None, "", "AWS", "[PLEO:e-1] AWS", "AWS [PLEO:]", "AWS [PLEO:e#]", "AWS [PLEO:e#0]"])
def test_other_descriptions_have_no_key(text: str | None) -> None:
    assert key.read(text, COMPANY) is None


@given(ids, ids)
def test_patterns_match_their_own_entry_only(wanted: str, other: str) -> None:
    first, later = (_regex(pattern) for pattern in key.patterns(wanted))
    assert first.fullmatch(f"text {key.suffix(PostingKey(COMPANY, wanted))}")
    assert later.fullmatch(f"text {key.suffix(PostingKey(COMPANY, wanted, 12))}")
    if other != wanted:
        assert not first.fullmatch(key.suffix(PostingKey(COMPANY, other)))


def _regex(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE with backslash as escape."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)


@pytest.mark.rule("EXP-IDEM-02", "EXP-AP-10")
@pytest.mark.parametrize("revision", [1, 12])
def test_the_payment_of_a_bill_is_never_taken_for_the_bill(revision: int) -> None:
    named = PostingKey("company", "entry", revision)
    bill, payment = (key.description("text", named, mark) for mark in (Mark.DOCUMENT, Mark.PAYMENT))
    assert bill != payment
    assert [key.read(text, "company", Mark.DOCUMENT) for text in (bill, payment)] == [named, None]
    assert [key.read(text, "company", Mark.PAYMENT) for text in (bill, payment)] == [None, named]

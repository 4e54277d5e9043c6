"""Every refusal says what happened and what to do, in words for a customer."""

from __future__ import annotations

import re
import string

import pytest

from ledgerbridge.connections.refusals import Why, refused

FACTS = {"error": "server_error", "company": "Demo ApS", "detail": "Pleo named two companies."}


@pytest.mark.parametrize("why", list(Why))
def test_each_has_its_own_words_with_every_place_filled(why: Why) -> None:
    said = refused(why, **FACTS)

    assert said.code == why.value
    for words in (said.title, said.text, said.what_to_do):
        assert len(words) > 5
        assert not re.search(r"[{}]", words)
    assert said.text.endswith(".")
    assert said.what_to_do.endswith(".")


@pytest.mark.parametrize("why", list(Why))
def test_none_speaks_our_own_jargon(why: Why) -> None:
    said = refused(why, **FACTS)
    words = f"{said.title} {said.text} {said.what_to_do}".lower()
    for jargon in ("oauth", "token", "pkce", "state", "scope", "http", "null", "exception", "urn", "introspect"):
        assert not re.search(rf"\b{jargon}\b", words), jargon


def test_no_two_look_the_same() -> None:
    said = [refused(why, **FACTS) for why in Why]
    assert len({one.title for one in said}) == len(said)
    assert len({one.text for one in said}) == len(said)


def test_a_forgotten_fact_is_a_fault_of_ours_not_a_blank() -> None:
    with pytest.raises(KeyError):
        refused(Why.PLEO_ERROR)
    places = {name for why in Why for _, name, _, _ in string.Formatter().parse(refused(why, **FACTS).text) if name}
    assert places == set()

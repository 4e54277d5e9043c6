"""What an accounting system cannot take has its words, whatever it is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from ledgerbridge.erp.port import Capabilities
from ledgerbridge.web import texts
from ledgerbridge.web.console.abilities import NOTED, UNSAID, notes

ABLE = Capabilities(
    vendors=True, vendor_bills=True, drafts=True, attachments=True, several_attachments=True,
    computes_tax_on_journal_entries=True, can_probe=True, can_reverse=True, parallel_writers=4, batch=50,
    lists_entries=True,
)  # fmt: skip
"""An ERP that takes all there is."""
LACKS: dict[str, Any] = {
    "attachment_types": frozenset({"application/pdf", "image/jpeg"}), "max_attachment_bytes": 5 * 1024 * 1024,
    "files": True,
}  # fmt: skip
"""Of those that are no plain yes: what makes a difference."""


def test_every_capability_has_its_words_or_a_reason_to_have_none() -> None:
    known = {one.name for one in fields(Capabilities)}
    assert NOTED.keys() | UNSAID.keys() == known
    assert not NOTED.keys() & UNSAID.keys()
    assert {
        name.split(".")[1] for name in texts.catalogue() if name.startswith("abilities.") and name.count(".") > 1
    } == NOTED.keys()


def test_an_accounting_system_that_takes_everything_is_spared_the_words() -> None:
    assert notes(ABLE) == []


@pytest.mark.parametrize("name", NOTED)
def test_what_is_lacking_is_said_with_what_happens_instead(name: str) -> None:
    (note,) = notes(replace(ABLE, **{name: LACKS.get(name, False)}))
    assert note.capability == name
    assert note.lacks.endswith(".")
    assert note.instead.endswith(".")
    assert "{" not in note.lacks + note.instead


def test_numbers_and_types_are_told_as_people_say_them() -> None:
    told = {one.capability: one.lacks for one in notes(replace(ABLE, **LACKS))}
    assert "5 MB" in told["max_attachment_bytes"]
    assert "JPEG, PDF" in told["attachment_types"]
    (small,) = notes(replace(ABLE, max_attachment_bytes=300 * 1024))
    assert "300 kB" in small.lacks


def test_without_receipts_nothing_is_said_of_their_number_type_and_size() -> None:
    without = replace(ABLE, attachments=False, several_attachments=False, **LACKS)
    assert {one.capability for one in notes(without)} == {"files", "attachments"}

"""The short form of the chaos suite: two replicas, real parts, one seed, three faults; `make chaos` has them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import books
from tests.chaos.faults import CATALOGUE
from tests.chaos.play import choose, play
from tests.chaos.report import Report
from tests.chaos.systems import KINDS
from tests.chaos.world import History, world
from tryton_sandbox import Template

SEED = 4
FAULTS = tuple(CATALOGUE[name] for name in ("replica killed", "erp reply lost", "postgres crashed"))
ITEMS = 6
"""For each company."""


@pytest.mark.rule("EXP-REC-01", "EXP-REC-03", "EXP-REC-04", "EXP-IDEM-01", "EXP-IDEM-04", "EXP-UPD-08")
def test_nothing_is_booked_twice_or_lost_while_parts_die_under_two_companies(
    tryton_template: Template, tmp_path: Path
) -> None:
    played(tryton_template, ("tryton", "tryton"), tmp_path)


@pytest.mark.rule("EXP-REC-01", "EXP-REC-03", "EXP-REC-04", "EXP-IDEM-01", "EXP-IDEM-04")
def test_nor_under_companies_with_sie_files_csv_files_and_a_system_of_a_partner(tmp_path: Path) -> None:
    played(None, ("sie", "csv", "http"), tmp_path)


def played(template: Template | None, kinds: Sequence[str], folder: Path) -> None:
    """One wave for a company of each kind under all three faults, judged by the books."""
    history = History(folder / "history.jsonl")
    report = Report()
    with world(template, history, kinds=kinds, syncs=False, handover=False, folder=folder) as here:
        (wave,) = play(here, SEED, [FAULTS], items=ITEMS)
        assert books.loose_ends(here) == {}
        (found,) = books.look(here, [wave])
        report.add(wave, found)
    told = f"\n{report.table()}\n{found}\n{history.path.read_text()}"
    assert report.good, told
    assert report.total.unresolved == 0, told
    assert report.total.items == len(kinds) * ITEMS
    assert {kind: row.items // ITEMS for kind, row in report.kinds.items()} == Counter(kinds)
    assert all(wave.injected[fault.name] for fault in FAULTS), told


@pytest.mark.parametrize("kinds", [("tryton",), ("sie",), ("csv",), ("http",), KINDS])
def test_thirteen_seeds_in_a_row_try_every_fault_there_can_be(kinds: Sequence[str]) -> None:
    possible = {name for name, fault in CATALOGUE.items() if fault.possible(kinds)}
    assert {one.name for seed in range(1, 14) for wave in choose(seed, kinds=kinds) for one in wave} == possible
    assert choose(7, kinds=kinds) == choose(7, kinds=kinds)
    assert all(fault.about.endswith(".") for fault in CATALOGUE.values())

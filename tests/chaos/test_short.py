"""The short form of the chaos suite: two replicas, real parts, one seed, three faults; `make chaos` has them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import books
from tests.chaos.faults import CATALOGUE
from tests.chaos.play import choose, play
from tests.chaos.report import Report
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
    history = History(tmp_path / "history.jsonl")
    report = Report()
    with world(tryton_template, history, companies=2, syncs=False, folder=tmp_path) as here:
        (wave,) = play(here, SEED, [FAULTS], items=ITEMS)
        (finding,) = books.look(here, [wave])
        report.add(wave, finding)
        assert books.loose_ends(here) == {}
    told = f"\n{report.table()}\n{history.path.read_text()}"
    assert report.good, told
    assert report.total.unresolved == 0, told
    assert report.total.items == 2 * ITEMS
    assert all(wave.injected[fault.name] for fault in FAULTS), told


def test_thirteen_seeds_in_a_row_try_every_fault() -> None:
    assert {one.name for seed in range(1, 14) for wave in choose(seed) for one in wave} == set(CATALOGUE)
    assert choose(7) == choose(7)
    assert all(fault.about.endswith(".") for fault in CATALOGUE.values())

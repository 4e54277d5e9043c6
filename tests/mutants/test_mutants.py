"""The mutants can be made from the code as it is, and some of them are: `make mutants` makes all."""

from __future__ import annotations

import pytest

from tests.mutants.runner import ROOT, Mutant, applies, try_out
from tests.mutants.table import MUTANTS

CHEAP = ("seal-without-a-row",)
"""Tried out within `make test`, to show that the machinery works."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_code_and_names_tests_that_exist(mutant: Mutant) -> None:
    assert applies(mutant), f"{mutant.file} no longer has the line exactly once"
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).exists()
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


def test_every_invariant_is_broken_once() -> None:
    assert {mutant.invariant for mutant in MUTANTS} == set(range(1, 11))
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one.name in CHEAP], ids=lambda mutant: mutant.name)
def test_a_cheap_mutant_is_noticed(mutant: Mutant) -> None:
    verdict = try_out(mutant)
    assert verdict.killed, verdict.output

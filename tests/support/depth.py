"""How many stories hypothesis tells: few in `make test`, always the same ones; many with `HYPOTHESIS_PROFILE=long`."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
_FACTOR = 40


enough_time = pytest.mark.timeout(0 if LONG else 900)
"""For tests that tell stories; a busy machine is no failure."""


def stories(examples: int, steps: int) -> settings:
    """So many stories of so many steps; forty times as many, and twice as long, in the long form, others each time.

    Only the long form looks for the shortest story that goes wrong: those of the short form are short already.
    """
    return settings(
        max_examples=examples * (_FACTOR if LONG else 1),
        stateful_step_count=steps * (2 if LONG else 1),
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if LONG else [])],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )

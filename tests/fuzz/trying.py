"""How many cases a fuzzer tries, and the count of those it tried.

`make test` tries few, the same ones every time; `HYPOTHESIS_PROFILE=fuzz` tries many, others each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

LARGE = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
_FACTOR = 100
SECONDS = 30
"""Longest a single case may take; far beyond a busy machine's slowness, far below for ever."""
EXECUTIONS: pytest.StashKey[int] = pytest.StashKey()
"""Cases a test tried, kept on its node."""

Count = Callable[[], None]


def tries(examples: int) -> Any:
    """A decorator for a `@given` test: so many examples, a hundred times as many in a large run."""
    return settings(
        max_examples=examples * (_FACTOR if LARGE else 1),
        derandomize=not LARGE,
        database=None,
        deadline=timedelta(seconds=SECONDS),
        print_blob=True,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )

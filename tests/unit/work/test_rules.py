"""Back-off, tempo and failure texts of the queue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.work.queue import Queue
from ledgerbridge.work.retry import RetryRule
from ledgerbridge.work.runs import safe_traceback
from ledgerbridge.work.tasks import Periodic
from ledgerbridge.work.tempo import Tempo


@given(st.integers(1, 200), st.floats(0.01, 100), st.floats(1, 1000))
def test_waits_grow_to_the_cap_and_end(runs: int, first: float, cap: float) -> None:
    rule = RetryRule(attempts=100, first_seconds=first, cap_seconds=cap)
    wait = rule.wait_after(runs)
    if runs >= 100:
        assert wait is None
    else:
        assert wait is not None
        full = min(first * 2 ** (runs - 1), cap)
        assert 0.8 * full <= wait <= full


@given(st.floats(0.1, 3600))
def test_dead_work_is_running_again_within_the_promise(rescue: float) -> None:
    tempo = Tempo(rescue)
    assert tempo.stalled_after + tempo.heartbeat + tempo.poll < rescue
    assert tempo.stalled_after >= 4 * tempo.heartbeat, "a few lost signs of life must not count as death"


@given(st.integers(1, 10_000))
def test_periodic_work_never_gives_up_and_is_never_late(runs: int) -> None:
    async def nothing() -> None: ...

    task = Periodic("tick", nothing, RetryRule(), 10)
    assert 9 <= task.wait_after(runs) <= 10


def test_a_name_is_registered_once() -> None:
    async def nothing() -> None: ...

    queue = Queue("postgresql://h/d")
    queue.register("look", nothing)
    with pytest.raises(ValueError, match="look"):
        queue.every("look", 5, nothing)


@pytest.mark.rule("AUTH-045")
def test_a_traceback_shows_causes_and_lines_but_no_secret() -> None:
    password, token, bearer = "hunter2", "tok123", "eyJhbGciOi.J9.abc"

    def call() -> None:
        try:
            raise ConnectionError(f"GET https://me:{password}@api/x?access_token={token} failed")
        except ConnectionError as cause:
            raise RuntimeError(f"sent Authorization: Bearer {bearer}") from cause

    with pytest.raises(RuntimeError) as caught:
        call()
    told = safe_traceback(caught.value)
    assert all(word in told for word in ("ConnectionError", "RuntimeError", "in call", "test_rules.py"))
    assert not [secret for secret in (password, token, bearer) if secret in told]

"""Not collected: a test that leaks, for `test_hunt` to run and see fail."""

from ledgerbridge.ops.logging import get_logger
from tests.support.canaries import canary


def test_that_tells_a_secret() -> None:
    get_logger("ledgerbridge.example").info(f"it is {canary('an example')}")

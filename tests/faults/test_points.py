"""The list of points follows the code: what is new has to be walked, or left out with a reason."""

from __future__ import annotations

import re
import shutil
import textwrap
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from ledgerbridge import faults
from tests.faults.plan import plan
from tests.faults.points import SOURCE, Derived, derived
from tests.faults.scenarios import KINDS
from tests.faults.walk import every, once

WALKS = {
    *("export", "group export", "troubled export", "reversal", "refresh", "start", "rounds", "life"),
    "file export",
    *KINDS,
    *("many accounts", "dimension", "draft"),
    *("entry", "entries", "payables", "bill taken back", "party"),
}
"""Those of the tests beside this one."""
SAY_SO = (
    "Give each a line in tests/faults/points.txt, under a walk that passes it or under `not walked:` with the reason"
)


@pytest.fixture(scope="module")
def source() -> Derived:
    return derived()


def unplanned(found: Derived) -> list[str]:
    """Points of the code that the plan does not speak of."""
    known = plan().points
    return sorted(point for point in found.points if not any(fnmatchcase(name, point) for name in known))


def test_every_point_of_the_code_is_walked_or_left_out_with_a_reason(source: Derived) -> None:
    assert unplanned(source) == [], SAY_SO


def test_the_plan_speaks_of_nothing_that_is_gone(source: Derived) -> None:
    assert [name for name in plan().points if not source.of(name)] == []


def test_a_point_is_either_walked_or_left_out_and_stands_once() -> None:
    points = plan().points
    assert sorted(points) == sorted(set(points))
    assert set(plan().walks) <= WALKS
    assert all(len(reason) > 20 for reason in plan().apart.values()), "a reason is a sentence"


MUTANTS = {
    "commit exports.later:forget_all": (
        "exports/later.py",
        """
        async def forget_all(context: ExportContext) -> None:
            async with context.db.transaction():
                pass
        """,
    ),
    "commit exports.later:Broom.sweep": (
        "exports/later.py",
        """
        class Broom:
            async def sweep(self, db: Database, lease: Lease) -> None:
                async with LeaseKeeper(db, lease, 1):
                    pass
        """,
    ),
    "commit exports.desk:torn_up": (
        "exports/desk.py",
        """
        async def torn_up(desk: Desk) -> None:
            async with writing(desk) as session:
                await session.flush()
        """,
    ),
    "pleo shredVendor": (
        "pleo/vendors.py",
        """
        async def shred(client: PleoClient) -> None:
            await client.send(Call("shredVendor", "DELETE", _PATH))
        """,
    ),
    "erp party.party shred": (
        "erp/tryton/parties.py",
        """
        async def shred(client: Client) -> None:
            await client.call(MODEL, "shred", {})
        """,
    ),
    "smoke signal": (
        "pleo/downloads.py",
        """
        def signal() -> None:
            with faults.around("smoke signal"):
                pass
        """,
    ),
}
"""By the point each brings: a module and what somebody adds to it."""


@pytest.mark.long
def test_new_code_brings_its_points_and_the_plan_has_to_follow(source: Derived, tmp_path: Path) -> None:
    copy = tmp_path / "ledgerbridge"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path, more in MUTANTS.values():
        with (copy / path).open("a") as module:
            module.write(textwrap.dedent(more))
    assert set(unplanned(derived(copy))) - set(unplanned(source)) == set(MUTANTS)


def test_nothing_in_the_service_installs_a_hook() -> None:
    reaching = re.compile(r"faults\.(install|_hook)|from ledgerbridge\.faults import")
    assert [path.name for path in SOURCE.rglob("*.py") if reaching.search(path.read_text())] == []
    assert faults._hook is None


def test_one_kill_stands_for_both_sides_of_a_gap_and_for_what_is_only_asked_in_it(source: Derived) -> None:
    trace = [
        "commit exports.item:_post before", "commit exports.item:_post after",
        "pleo getExportItemsV3 before", "pleo getExportItemsV3 after",
        "pleo createExportJobEventV3 before", "pleo createExportJobEventV3 after",
    ]  # fmt: skip
    points = {"commit exports.item:_post", "pleo getExportItemsV3", "pleo createExportJobEventV3"}
    assert [kill for kill, _ in once(trace, points, source)] == [trace[4], trace[5]]
    assert len(every(trace)) == len(trace)

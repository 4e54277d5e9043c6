"""Killed at every point between an expense and the file it is in: each is one voucher, and each voucher in one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.conftest import MakeStage
from tests.faults.scenarios import Export, live, press_reverse
from tests.faults.stage import Stage
from tests.faults.walk import Scenario, cases, walked
from tests.support.rig import CONFIGURATION

ERP = {"kind": "files", "settings": {"api_key": "x"}}
PLAIN = {**CONFIGURATION, "dimensions": None}
GAPS = """
    select book_id, series, year from vouchers group by book_id, series, year
    having count(*) <> max(number) or count(distinct number) <> count(*)
"""
UNLIKE = """
    select f.name from voucher_files f left join vouchers v on v.file_id = f.id
    group by f.id having count(v.id) <> f.vouchers or sum(v.total) is distinct from f.debit
"""
STANDING = "select id, takes_back, reverses, file_id from vouchers where accounting_entry_id = %s order by number"


@dataclass
class FileExport(Export):
    """Two expenses become vouchers; the file is made at the end of the job."""

    seeds: tuple[str, ...] = ("fee", "out_of_pocket")

    def check(self, stage: Stage) -> None:
        items = stage.pleo.job(self.job)["items"]
        assert {item["status"] for item in items} == {"successful"}
        for item in items:
            rows = stage.rows(
                "select series || number as name, file_id from vouchers where accounting_entry_id = %s",
                item["accountingEntryId"],
            )
            assert [row["name"] for row in rows] == [item["externalId"]], "not one voucher, or another than Pleo knows"
            assert rows[0]["file_id"], "a voucher that is in no file"
        assert stage.rows(GAPS) == []
        assert stage.rows(UNLIKE) == []
        assert stage.events(self.job) == ["started", "completed"]


@dataclass
class FileTakenBack(FileExport):
    """A person has a voucher taken back, and the expense is exported again: three vouchers, each in one file."""

    seeds: tuple[str, ...] = ("fee",)
    first: str = ""
    entry: str = ""

    def begin(self, stage: Stage) -> None:
        self.first, self.job = stage.pleo.export(stage.pleo.queue(*self.seeds)), ""
        (item,) = stage.pleo.job(self.first)["items"]
        self.entry = item["accountingEntryId"]
        stage.settle()
        press_reverse(stage, self.first, self.entry)
        self.resume(stage)

    def resume(self, stage: Stage) -> None:
        """Whoever got no answer presses again; who got one exports the expense again."""
        for _ in range(2):
            stage.time_passes()
            stage.settle()
        if not self.job:
            assert press_reverse(stage, self.first, self.entry) == "reversed"
            self.job = stage.pleo.export([self.entry])

    def check(self, stage: Stage) -> None:
        assert stage.pleo.items(self.job)[self.entry]["status"] == "successful"
        rows = stage.rows(STANDING, self.entry)
        assert [row["takes_back"] for row in rows] == [False, True, False], "not booked, taken back, and booked anew"
        assert rows[1]["reverses"] == rows[0]["id"]
        assert all(row["file_id"] for row in rows), "a voucher that is in no file"
        assert stage.rows(GAPS) == []
        assert stage.rows(UNLIKE) == []


SCENARIOS: dict[str, Scenario] = {"file export": FileExport(), "file taken back": FileTakenBack()}

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Iterator[Stage]:
    with make_stage(periodic=("exports.poll", "exports.file_round")) as made:
        made.start()
        live(made, ERP, PLAIN)
        yield made
        assert made.leaked() == []


@pytest.mark.parametrize("name", cases(SCENARIOS, long={"file taken back"}))
def test_whatever_the_point_at_which_the_service_dies_each_expense_is_one_voucher_in_one_file(
    stage: Stage, name: str
) -> None:
    walked(stage, name, SCENARIOS[name])


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_the_passing_of_a_point(stage: Stage, name: str) -> None:
    walked(stage, name, SCENARIOS[name], everywhere=True)

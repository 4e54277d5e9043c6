"""Drawings hold what they are given, whole, at every size, and nothing a policy would refuse."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from ledgerbridge.web.console.operations.charts import duration
from ledgerbridge.web.console.operations.svg import Chart, Series, round_above

SVG = "{http://www.w3.org/2000/svg}"


def number(value: float) -> str:
    return f"{value:g}"


def bars(*series: Series, columns: int = 3) -> Chart:
    return Chart("jobs", [f"day {n}" for n in range(columns)], series, number)


def read(chart: Chart) -> ElementTree.Element:
    drawn = str(chart.drawn("A <title>", 'with "quotes" & more'))
    return ElementTree.fromstring(drawn)


def test_columns_stand_on_each_other_and_reach_what_they_count() -> None:
    chart = bars(Series("Good", "good", [3, 0, 10]), Series("Bad", "bad", [1, 0, 0]))
    assert chart.top == 10
    first, last = read(chart).findall("g")
    heights = [
        (rect.get("class"), float(rect.get("y", "")), float(rect.get("height", ""))) for rect in first.findall("rect")
    ]
    assert heights == [("good", 70, 30), ("bad", 60, 10)]
    assert [rect.get("height") for rect in last.findall("rect")] == ["100.0"]
    assert first.findtext("title") == "day 0: 3 Good, 1 Bad"


def test_a_column_of_nothing_is_no_mark() -> None:
    assert len(read(bars(Series("Good", "good", [1, 0, None]))).findall("g")) == 1


def test_lines_break_where_nothing_was_measured_and_lone_points_are_dots() -> None:
    values = [1.0, 2.0, None, 4.0, None]
    chart = Chart("times", list("abcde"), [Series("Median", "line", values)], number, stacked=False)
    paths = {path.get("class"): path.get("d") for path in read(chart).findall("path")}
    assert paths["line"] == "M5 75L15 50"
    assert paths["line dot"] == "M35 0h0"


def test_a_ceiling_is_always_in_sight() -> None:
    limit = Series("Limit", "limit", [500.0] * 3)
    chart = Chart("budget", list("abc"), [Series("Busiest", "good", [7, 8, 9])], number, ceiling=limit)
    assert chart.top == 600
    assert [one.label for one in chart.legend] == ["Busiest", "Limit"]
    assert "Limit" not in str(chart.rows)


def test_its_words_are_words_and_its_marks_have_classes_alone() -> None:
    drawn = str(bars(Series("<b>", "good", [1, 2, 3])).drawn("A <title>", "x"))
    assert "<b>" not in drawn
    assert not re.search(r"\b(style|fill|stroke|onload|href)=", drawn)
    assert 'role="img"' in drawn
    assert "<title id=" in drawn
    assert "<desc id=" in drawn


def test_the_table_has_the_newest_first_and_says_what_was_not_measured() -> None:
    chart = Chart("t", list("abc"), [Series("x", "line", [1, None, 3]), Series("y", "slow", [2, None, None])], number,
                  stacked=False)  # fmt: skip
    assert chart.rows == [("c", ["3", "–"]), ("a", ["1", "2"])]
    assert chart.ends == ("a", "b", "c")
    assert bars(Series("x", "good", [0, 0, None])).empty


@pytest.mark.parametrize(
    ("value", "top"), [(0, 2), (2, 2), (3, 4), (5, 6), (7, 10), (11, 20), (61, 100), (10**9 + 1, 2 * 10**9)]
)
def test_the_scale_ends_at_a_round_number_whose_half_is_one_too(value: float, top: float) -> None:
    assert round_above(value) == top
    assert (top / 2).is_integer()


def test_times_are_said_as_people_say_them() -> None:
    said = [duration(seconds).replace("\u00a0", " ") for seconds in (0, 1.25, 90, 150, 3599, 5400, 86400)]
    assert said == ["0 s", "1.2 s", "90 s", "2.5 min", "60 min", "1.5 h", "24 h"]

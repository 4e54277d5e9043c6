"""Charts as SVG: columns stacked by outcome, or lines. Geometry alone; colours and sizes stand in the style sheet.

A drawing has no text in it: it is stretched to the width there is, and letters would be stretched with it. What it
says is said in words around it, as a title and description for who does not see it, and as a table of the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

_STEP = 10
"""Units from one column to the next."""
_GAP = 1
_HEIGHT = 100
Value = float | None


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind, one a column."""

    label: str
    tone: str
    """good, wait, bad or off for columns; line, slow or limit for lines."""
    values: Sequence[Value]
    """None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with all that stands around it."""

    name: str
    """Part of the ids of its elements."""
    columns: Sequence[str]
    """What each column stands for, oldest first."""
    series: Sequence[Series]
    shown: Callable[[float], str]
    """A value in words."""
    stacked: bool = True
    """Columns; else lines."""
    ceiling: Series | None = None
    """A line across, such as a limit."""
    tops: Sequence[float] = ()
    """Values that may stand at the upper edge, rising; beyond them, and where there are none, round numbers do."""
    note: str = ""
    """A sentence with a number of its own."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)

    @property
    def top(self) -> float:
        """The value at the upper edge: a round one, so that half of it is round, too."""
        highest = max((sum(stack) for stack in self._stacks()), default=0.0)
        if self.ceiling is not None:
            highest = max(highest, *(value or 0.0 for value in self.ceiling.values))
        return next((float(top) for top in self.tops if top >= highest), round_above(highest))

    @property
    def scale(self) -> tuple[str, str, str]:
        """What stands beside it, from top to bottom."""
        return self.shown(self.top), self.shown(self.top / 2), self.shown(0)

    @property
    def ends(self) -> tuple[str, str, str]:
        """What stands below it, from left to right."""
        return self.columns[0], self.columns[len(self.columns) // 2], self.columns[-1]

    @property
    def legend(self) -> list[Series]:
        """Every kind of mark in it."""
        return [*self.series, *([self.ceiling] if self.ceiling else [])]

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The same numbers as a table, newest first, without columns in which there is nothing."""
        found = []
        for place, column in reversed(list(enumerate(self.columns))):
            values = [one.values[place] for one in self.series]
            if any(values):
                found.append((column, ["–" if value is None else self.shown(value) for value in values]))
        return found

    def drawn(self, title: str, description: str) -> Markup:
        """The drawing."""
        marks = self._bars() if self.stacked else [line for one in self.series for line in self._line(one)]
        if self.ceiling is not None:
            marks += self._line(self.ceiling)
        return Markup(
            '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
            ' aria-labelledby="t-{} d-{}" focusable="false">'
            '<title id="t-{}">{}</title><desc id="d-{}">{}</desc>{}{}</svg>'
        ).format(
            len(self.columns) * _STEP,
            _HEIGHT,
            *(self.name, self.name, self.name, title, self.name, description),
            self._grid(),
            Markup("").join(marks),
        )

    def _stacks(self) -> list[list[float]]:
        stacks = [[one.values[place] or 0.0 for one in self.series] for place in range(len(self.columns))]
        return stacks if self.stacked else [[max(stack, default=0.0)] for stack in stacks]

    def _y(self, value: float) -> float:
        return round(_HEIGHT - value * _HEIGHT / self.top, 2)

    def _grid(self) -> Markup:
        width = len(self.columns) * _STEP
        return Markup("").join(
            Markup('<path class="axis" d="M0 {}H{}"/>').format(y, width) for y in (0, _HEIGHT / 2, _HEIGHT)
        )

    def _bars(self) -> list[Markup]:
        return [self._bar(place) for place in range(len(self.columns))]

    def _bar(self, place: int) -> Markup:
        below, marks = 0.0, []
        for one in self.series:
            value = one.values[place] or 0.0
            if value:
                high, low = self._y(below + value), self._y(below)
                marks.append(
                    Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        one.tone, place * _STEP + _GAP, high, _STEP - 2 * _GAP, round(low - high, 2)
                    )
                )
                below += value
        return (
            Markup("<g><title>{}</title>{}</g>").format(self._said(place), Markup("").join(marks))
            if marks
            else Markup("")
        )

    def _said(self, place: int) -> str:
        """What a pointer that rests on a column is told."""
        values = [(one.label, one.values[place]) for one in self.series]
        return f"{self.columns[place]}: " + ", ".join(
            f"{self.shown(value)} {label}" for label, value in values if value
        )

    def _line(self, one: Series) -> list[Markup]:
        """A line, broken where nothing was measured; a point that stands alone is a dot."""
        line, dots, pen = "", "", "M"
        for place, value in enumerate(one.values):
            if value is None:
                pen = "M"
                continue
            point = f"{place * _STEP + _STEP / 2:g} {self._y(value):g}"
            if pen == "M" and (place + 1 == len(one.values) or one.values[place + 1] is None):
                dots += f"M{point}h0"
            else:
                line += f"{pen}{point}"
            pen = "L"
        drawn = Markup('<path class="{}" d="{}"/>')
        return [drawn.format(tone, path) for tone, path in ((one.tone, line), (f"{one.tone} dot", dots)) if path]


def round_above(value: float) -> float:
    """The smallest of 2, 4, 6, 10, 20, 40, 60, 100, ... that is not below."""
    power = 1.0
    while True:
        for first in (2, 4, 6, 10):
            if value <= first * power:
                return first * power
        power *= 10

"""What a value must look like, as a template says it: a small part of regular expressions, matched in bounded time.

A template is a stranger's. The expressions Python knows can be written so that one value takes them for ever, and
everybody waits; here each sign of a value is looked at once for each repetition that a pattern asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 100
"""Characters of a pattern."""
MOST = 200
"""Repetitions; no value is longer."""
_CLASS = r"\[\^?(?:\\[dDwWsS^\]\\\[-]|[^\\\[\]])+\]"
_SIGN = r"\\[dDwWsS]|\\[^A-Za-z0-9]|[^\\\[\](){}?*+|^$]"
_PART = re.compile(rf"({_CLASS}|{_SIGN})([?*+]|\{{[0-9]{{1,3}}(?:,[0-9]{{0,3}})?\}})?")


class PatternError(ValueError):
    """A pattern that is not known here; completes "the pattern is not right: ..."."""


@dataclass(frozen=True, slots=True)
class _Part:
    sign: re.Pattern[str]
    """Of one letter."""
    least: int
    most: int


def check(pattern: str) -> None:
    """Raises `PatternError`."""
    _read(pattern)


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text is as the pattern says. Raises `PatternError`."""
    return len(text) <= MOST and any(_fits(parts, text) for parts in _read(pattern))


def _fits(parts: Sequence[_Part], text: str) -> bool:
    """Every place that can be reached is one bit, so that no way is gone twice."""
    reached = 1
    for part in parts:
        letters = sum(1 << at for at, letter in enumerate(text) if part.sign.fullmatch(letter))
        for _ in range(part.least):
            reached = (reached & letters) << 1
        step = reached
        for _ in range(part.most - part.least):
            if not (step := (step & letters) << 1):
                break
            reached |= step
        if not reached:
            return False
    return bool(reached >> len(text) & 1)


@lru_cache(maxsize=256)
def _read(pattern: str) -> tuple[tuple[_Part, ...], ...]:
    """What it says, one way or the other."""
    if len(pattern) > LONGEST:
        raise PatternError(f"it is longer than {LONGEST} signs")
    ways, at = [], 0
    while True:
        way, at = _way(pattern, at)
        ways.append(way)
        if at == len(pattern):
            return tuple(ways)
        at += 1  # behind the |


def _way(pattern: str, at: int) -> tuple[tuple[_Part, ...], int]:
    at += pattern.startswith("^", at)
    parts = list(_parts(pattern, at))
    end = parts[-1][1] if parts else at
    end += pattern.startswith("$", end)
    if end < len(pattern) and pattern[end] != "|":
        raise PatternError(
            f"“{pattern[end:][:10]}” is not known here; use letters, [a-z], \\d, ., |, and ?, *, +, {{2}} or {{1,5}}"
        )
    return tuple(part for part, _ in parts), end


def _parts(pattern: str, at: int) -> Iterator[tuple[_Part, int]]:
    """Each part with where it ends, as far as they are known."""
    while found := _PART.match(pattern, at):
        at = found.end()
        try:
            sign = re.compile(found[1])
        except re.error as error:
            raise PatternError(f"{found[1]}: {error}") from None
        yield _Part(sign, *_often(found[2] or "{1}")), at


def _often(said: str) -> tuple[int, int]:
    if said in "?*+":
        return {"?": (0, 1), "*": (0, MOST), "+": (1, MOST)}[said]
    least, comma, most = said.strip("{}").partition(",")
    found = int(least), int(most or (MOST if comma else least))
    if not found[0] <= found[1] <= MOST:
        raise PatternError(f"{said} is no number of times up to {MOST}")
    return found

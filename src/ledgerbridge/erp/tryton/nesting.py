"""Fields of nested records: a search by REST names them otherwise than a class-level method like `search_read`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def with_ids(fields: Sequence[str]) -> list[str]:
    """Fields as `search_read` wants them named, so that it tells what a search tells: nested ids, too."""
    steps = [field.split(".") for field in fields]
    nested = {".".join([*parts[:depth], "id"]) for parts in steps for depth in range(1, len(parts))}
    return [*fields, *sorted(nested)]


def as_searched(answer: Any) -> Any:
    """What `search_read` told, which marks nested records by a dot after the name, named as in a search."""
    if isinstance(answer, list):
        return [as_searched(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    return {name.removesuffix("."): as_searched(value) for name, value in answer.items()}

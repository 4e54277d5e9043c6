"""Source code as syntax trees."""

from __future__ import annotations

import ast
import gc
from pathlib import Path


def tree_of(path: Path) -> ast.Module:
    """The tree of a module, read while nothing is collected.

    A task that is collected half-way may log its traceback, for which Python parses source itself; the outer parse then
    fails with "AST constructor recursion depth mismatch" (CPython 106905).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text("utf-8"))
    finally:
        if collecting:
            gc.enable()

"""What the recipes are compared with: the settings, the commands, the times and the connections of the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from ledgerbridge import serving
from ledgerbridge.cli import cli
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.web import application
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.tempo import Tempo
from tests.integration.web.guarded import guarded

ROOT = Path(__file__).parents[3]
SETTINGS = frozenset(field.upper() for field in Settings.model_fields)
SECRETS = frozenset(
    name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)
NOT_PUBLIC = frozenset({"/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"})
"""Routes for nobody outside."""


@cache
def routes() -> frozenset[str]:
    """The pattern of every route."""
    return frozenset(route.path for route in guarded(application.build(None, secure=True)))


@cache
def commands() -> dict[str, Any]:
    """The subcommands of `ledgerbridge`."""
    return dict(get_command(cli).commands)  # type: ignore[attr-defined]


def fault_of(words: Iterable[str]) -> str | None:
    """Why `ledgerbridge` would not understand these arguments; None when it would."""
    name, *rest = words
    command = commands().get(name)
    if command is None:
        return f"there is no command {name}"
    known = {option for parameter in command.params for option in parameter.opts}
    strange = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    passes_on = command.context_settings.get("ignore_unknown_options", False)
    return f"{name} knows no {strange[0]}" if strange and not passes_on else None


def commands_in(text: str) -> Iterator[list[str]]:
    """Every call of `ledgerbridge` in a page: in code spans and blocks, and only as far as the call goes."""
    spans = re.findall(r"`([^`\n]+)`", text) + [
        line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    for span in spans:
        for found in re.finditer(r"(?:^|bin/|&& )ledgerbridge((?: [a-z-]+(?:=\S+)?)+)(?=$|[ ;,)&]|\.$)", span):
            yield found[1].split()


def _default(function: object, name: str) -> float:
    return float(inspect.signature(function).parameters[name].default)  # type: ignore[arg-type]


def seconds_to_stop() -> float:
    """From the signal to the end, at most: requests, running work, and a database that does not answer."""
    storing = Tempo(Settings.model_fields["rescue_seconds"].default).stalled_after
    return serving.REQUEST_SECONDS + _default(Queue.__init__, "grace_seconds") + storing


def connections() -> tuple[int, int]:
    """To the database, at most: of a process that serves, and of its worker besides."""
    db = Database("postgresql://nobody@127.0.0.1:1/nothing")
    pool = db.engine.pool
    serving = pool.size() + pool._max_overflow + db._alone._size  # type: ignore[attr-defined]
    (spare,) = re.findall(r"size=concurrency \+ (\d+)", inspect.getsource(Queue._live))
    listening = 1
    return serving, int(_default(Queue.run_worker, "concurrency")) + int(spare) + listening

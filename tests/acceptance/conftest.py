"""Whole installations for tests that kill, signal and drive real processes from outside."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.clones import TrytonServers
from tests.support.database_pool import DatabasePool
from tests.support.site import Site, site

MakeSite = Callable[..., AbstractContextManager[Site]]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell that runs us in the background may have us ignore Ctrl-C; our children must not inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def make_site(
    postgres: EmbeddedPostgres,
    databases: DatabasePool,
    tryton_servers: TrytonServers,
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeSite:
    """Opens an installation: database and Tryton of its own, a sandbox; keywords are as for `site`."""

    @contextmanager
    def make(**options: Any) -> Iterator[Site]:
        name = databases.take()
        try:
            with site(tryton_servers, postgres.url(name), _folder(tmp_path_factory), **options) as made:
                yield made
        finally:
            databases.give_back(name)

    return make


def _folder(factory: pytest.TempPathFactory) -> Path:
    """Where the processes run: a place without a `.env`."""
    return factory.mktemp("site")

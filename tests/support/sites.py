"""The fixture that opens whole installations, for every folder of tests that drives one from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.clones import TrytonServers
from tests.support.database_pool import DatabasePool
from tests.support.site import Site, site

MakeSite = Callable[..., AbstractContextManager[Site]]


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
        folder = tmp_path_factory.mktemp("site")  # where the processes run: a place without a `.env`
        try:
            with site(tryton_servers, postgres.url(name), folder, **options) as made:
                yield made
        finally:
            databases.give_back(name)

    return make

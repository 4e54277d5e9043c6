"""What all tests share: a real PostgreSQL, a real Tryton, databases of their own, and strictly written rule ids.

Everything is kept under `.cache/` of the checkout, so that a second run finds the built Tryton and the migrated schema.
"""

import gc
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from ledgerbridge.store.embedded import EmbeddedPostgres, embedded_postgres
from tests.support.canaries import watch_for
from tests.support.clones import NearTemplate, TrytonServers, migrated_template, new_name, quick_login, sweep
from tests.support.database_pool import DatabasePool
from tests.support.leak_watch import HUNT, hunt_leaks, watch_errors
from tests.support.one_cache import share_compiled
from tests.support.one_context import share_context
from tests.support.one_routing import share_routes
from tests.support.open_door import open_for_tests
from tests.support.queueing import while_tryton_is_built
from tests.support.steady import steady, why_again
from tryton_sandbox import Template, TrytonServer, build

CACHE = Path(__file__).parents[1] / ".cache"
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
RULE = re.compile(r"(?:EXP|AUTH|HOOK|LIMIT|TAG|ACC|TAX|VEN)-(?:[A-Z]+-)?\d+[a-z]?")

open_for_tests()
hunt_leaks()
share_context()
share_compiled()
share_routes()
gc.disable()  # whatever is made until all tests are collected stays until the end


def pytest_collection_finish() -> None:
    """By now all of our code is imported."""
    watch_errors()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """No test passes that let a secret out (invariant 7)."""
    yield
    leaked = HUNT.settle()
    assert not leaked, f"{item.nodeid} let secrets out: {leaked}"


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """A misspelt rule id would silently prove nothing. Some tests may run twice; see `steady`."""
    for item in items:
        steady(item)
        for mark in item.iter_markers("rule"):
            wrong = [rule for rule in mark.args if not isinstance(rule, str) or not RULE.fullmatch(rule)]
            if wrong or mark.kwargs or not mark.args:
                raise pytest.UsageError(f'{item.nodeid}: a rule mark reads rule("EXP-START-04", ...), not {wrong}')
    yield  # now only those are left that were asked for
    while_tryton_is_built(items)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    why_again(terminalreporter)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The cluster of the tests; sessions running at the same time share it."""
    with embedded_postgres(CACHE / "postgres", THROW_AWAY) as cluster:
        sweep(cluster)
        quick_login(cluster)
        watch_for("database password", str(conninfo_to_dict(cluster.url())["password"]))
        yield cluster


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The name of the database every `database_url` is a copy of."""
    return migrated_template(postgres)


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, migrated: str) -> Iterator[DatabasePool]:
    """Where the `database_url` of each test comes from."""
    pool = DatabasePool(postgres, migrated)
    yield pool
    pool.close()


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, databases: DatabasePool) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    name = databases.take()
    yield postgres.url(name)
    databases.give_back(name)


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database of the test's own without any table."""
    name = new_name()
    postgres.create_database(name)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def tryton_template(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Template:
    """The built Tryton; the first run on a machine builds it, which takes about a minute and a half."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")

    def progress(line: str) -> None:
        if terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(line)

    template = build(CACHE / "tryton", postgres.url(), progress)
    template.sweep()
    return template


@pytest.fixture(scope="session")
def tryton_servers(tryton_template: Template) -> Iterator[TrytonServers]:
    """Where the `tryton` of each test comes from."""
    servers = TrytonServers(NearTemplate.of(tryton_template))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def tryton_server(tryton_template: Template) -> Iterator[TrytonServer]:
    """One Tryton for the whole session, for tests that only read."""
    database = tryton_template.clone()
    with tryton_template.start(database) as server:
        yield server
    tryton_template.drop(database)


@pytest.fixture
def tryton(tryton_servers: TrytonServers) -> Iterator[TrytonServer]:
    """A Tryton whose books are the test's own: `base_url`, `database`, `api_key`, `company_id()`, `facts`."""
    server = tryton_servers.fresh()
    for login, key in server.keys.items():
        watch_for(f"Tryton key of {login}", key)
    yield server
    tryton_servers.template.drop(server.database)

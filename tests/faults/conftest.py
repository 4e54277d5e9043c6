"""Stages for the walks: a parent to fork services from, a sandbox that knows their address, a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from ledgerbridge.store.embedded import EmbeddedPostgres
from pleo_sandbox.config import ClientConfig, SandboxConfig
from pleo_sandbox.server import running as sandbox_running
from tests.faults.stage import Forks, Stage, stage
from tests.support.database_pool import DatabasePool
from tests.support.ports import free_port

MakeStage = Callable[..., AbstractContextManager[Stage]]


@pytest.fixture(scope="session")
def make_stage(
    postgres: EmbeddedPostgres, databases: DatabasePool, tmp_path_factory: pytest.TempPathFactory
) -> MakeStage:
    """Opens a stage: a database and a sandbox of its own; keywords are as for `stage`."""

    @contextmanager
    def make(**options: Any) -> Iterator[Stage]:
        port, name, forks = free_port(), databases.take(), Forks()
        url = f"http://127.0.0.1:{port}"
        client = ClientConfig(
            redirect_uris=(f"{url}/oauth/callback",), initiation_uri=f"{url}/connect", settings_uri=f"{url}/settings"
        )
        config = SandboxConfig(clients=(client,), webhook_retry_seconds=(0, 0.3, 0.5, 1))
        folder = tmp_path_factory.mktemp("stage")
        try:
            with (
                sandbox_running(config) as sandbox,
                stage(forks, postgres.url(name), sandbox, folder, port, **options) as made,
            ):
                yield made
        finally:
            forks.close()
            databases.give_back(name)

    return make

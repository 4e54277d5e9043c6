"""Unit tests talk to nobody."""

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)  # the event loop wakes itself through one
    yield
    pytest_socket.enable_socket()

"""What the test suite demands of itself."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_socket

from tests.conftest import pytest_collection_modifyitems


def item(*rules: Any, **more: Any) -> Any:
    mark = SimpleNamespace(args=rules, kwargs=more)
    return SimpleNamespace(nodeid="test_money", iter_markers=lambda name: [mark] if name == "rule" else [])


def test_well_formed_rule_ids_pass() -> None:
    next(pytest_collection_modifyitems([item("EXP-START-04", "AUTH-001", "EXP-TYPE-15a")]))


@pytest.mark.parametrize("rule", ["HOOK-V1", "exp-start-04", "EXP-START-04 ", "START-04", "EXP-START", "", 4])
def test_a_misspelt_rule_id_stops_the_run(rule: Any) -> None:
    with pytest.raises(pytest.UsageError, match="test_money"):
        next(pytest_collection_modifyitems([item("EXP-START-04", rule)]))


def test_a_rule_mark_names_at_least_one_rule_and_nothing_else() -> None:
    for empty in (item(), item("AUTH-001", why="because")):
        with pytest.raises(pytest.UsageError):
            next(pytest_collection_modifyitems([empty]))


def test_unit_tests_cannot_reach_the_network() -> None:
    with pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)

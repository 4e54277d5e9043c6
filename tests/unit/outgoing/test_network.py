"""A name is resolved once, all its addresses are checked, and one of those very addresses is called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import pytest

from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.network import AddressRefused, CheckedBackend

GOOD, OTHER, INSIDE = "93.184.216.34", "2606:4700::1111", "10.0.0.7"


class Wires(httpcore.AsyncNetworkBackend):
    """Notes where it was asked to connect; some addresses do not answer."""

    def __init__(self, dead: Iterable[str] = ()) -> None:
        self.called: list[tuple[str, int, float]] = []
        self._dead = set(dead)

    async def connect_tcp(self, host: str, port: int, *more: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        self.called.append((host, port, more[0]))
        if host in self._dead:
            raise httpcore.ConnectTimeout("nobody there")
        return httpcore.AsyncMockStream([])

    @property
    def addresses(self) -> list[str]:
        return [address for address, _, _ in self.called]


class Names:
    """A resolver whose answers change from one question to the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked: list[tuple[str, int]] = []
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def test_a_name_that_changes_its_meaning_is_asked_for_once_a_connection() -> None:
    names, wires = Names([GOOD], [INSIDE]), Wires()
    backend = CheckedBackend(PUBLIC, names, wires)
    await backend.connect_tcp("files.example", 443)
    assert (names.asked, wires.addresses) == ([("files.example", 443)], [GOOD])
    with pytest.raises(AddressRefused, match=r"files\.example leads into a private network"):
        await backend.connect_tcp("files.example", 443)
    assert wires.addresses == [GOOD]


@pytest.mark.parametrize("answer", [[GOOD, INSIDE], [INSIDE, GOOD], [OTHER, "::1"], ["169.254.169.254", GOOD]])
async def test_one_bad_address_among_good_ones_refuses_them_all(answer: list[str]) -> None:
    wires = Wires()
    with pytest.raises(AddressRefused):
        await CheckedBackend(PUBLIC, Names(answer), wires).connect_tcp("files.example", 443)
    assert wires.called == []


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "a b", ""])
async def test_what_is_no_name_is_not_even_looked_up(host: str) -> None:
    names = Names([GOOD])
    with pytest.raises(AddressRefused, match="is no host name"):
        await CheckedBackend(PUBLIC, names, Wires()).connect_tcp(host, 443)
    assert names.asked == []


async def test_the_next_address_is_tried_when_one_does_not_answer_and_has_time_left() -> None:
    wires = Wires(dead=[OTHER])
    await CheckedBackend(PUBLIC, Names([OTHER, GOOD]), wires).connect_tcp("erp.example", 8000, timeout=10)
    assert wires.addresses == [OTHER, GOOD]
    assert wires.called[0][2] <= 5
    with pytest.raises(httpcore.ConnectTimeout):
        await CheckedBackend(PUBLIC, Names([OTHER]), Wires(dead=[OTHER])).connect_tcp("erp.example", 8000)


async def test_an_answer_of_a_thousand_addresses_is_checked_whole_and_tried_in_part() -> None:
    many = [f"93.184.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    wires = Wires(dead=many)
    with pytest.raises(httpcore.ConnectTimeout):
        await CheckedBackend(PUBLIC, Names(many), wires).connect_tcp("erp.example", 443, timeout=5)
    assert len(wires.called) == 8
    with pytest.raises(AddressRefused):
        await CheckedBackend(PUBLIC, Names([*many, INSIDE]), wires).connect_tcp("erp.example", 443)


async def test_a_name_without_an_address_and_a_slow_resolver_are_ordinary_faults() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async def slow(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    for look_up, fault in (
        (unknown, httpcore.ConnectError),
        (slow, httpcore.ConnectTimeout),
        (Names([]), httpcore.ConnectError),
    ):
        with pytest.raises(fault):
            await CheckedBackend(PUBLIC, look_up, Wires()).connect_tcp("erp.example", 443, timeout=0.05)  # type: ignore[arg-type]


async def test_a_listed_name_counts_in_any_spelling_and_no_other_name_with_it() -> None:
    listed = Reach(hosts=frozenset({"erp.internal.example"}))
    for host in ("erp.internal.example", "ERP.internal.example."):
        await CheckedBackend(listed, Names([INSIDE]), Wires()).connect_tcp(host, 443)
    with pytest.raises(AddressRefused):
        await CheckedBackend(listed, Names([INSIDE]), Wires()).connect_tcp("erp.internal.example.evil.example", 443)


async def test_no_socket_file_is_opened() -> None:
    with pytest.raises(AddressRefused):
        await CheckedBackend(PUBLIC, Names([GOOD]), Wires()).connect_unix_socket("/run/docker.sock")

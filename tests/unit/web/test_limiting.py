"""What strangers may cost us: so much for each address, and never more memory than one address more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ledgerbridge.web import limiting
from ledgerbridge.web.limiting import ALLOWED, Limit, Limiter, caller_of
from ledgerbridge.web.problems import HttpProblem


def limiter(**more: Any) -> Limiter:
    return Limiter(allowed=dict.fromkeys(Limit, "3/minute"), **more)


async def refused(limits: Limiter, caller: str, limit: Limit = Limit.ADMIN) -> HttpProblem:
    with pytest.raises(HttpProblem) as caught:
        await limits.count(limit, caller)
    return caught.value


async def test_the_one_too_many_is_refused_with_the_time_to_wait() -> None:
    told: list[str] = []
    limits = limiter(refused=told.append)
    for _ in range(3):
        await limits.check(Limit.ADMIN, "1.1.1.1")
        await limits.count(Limit.ADMIN, "1.1.1.1")
    problem = await refused(limits, "1.1.1.1")
    assert problem.status == 429
    assert 1 <= int(problem.headers["Retry-After"]) <= 60
    with pytest.raises(HttpProblem):
        await limits.check(Limit.ADMIN, "1.1.1.1")
    assert told == ["admin", "admin"]


async def test_another_address_and_another_limit_are_counted_apart() -> None:
    limits = limiter()
    for _ in range(3):
        await limits.count(Limit.ADMIN, "1.1.1.1")
    await limits.count(Limit.ADMIN, "1.1.1.2")
    await limits.count(Limit.CONNECT, "1.1.1.1")


async def test_looking_costs_nothing() -> None:
    limits = limiter()
    for _ in range(10):
        await limits.check(Limit.CONNECT, "1.1.1.1")
    await limits.count(Limit.CONNECT, "1.1.1.1")


async def test_the_allowance_comes_back() -> None:
    moment = [1000.0]
    limits = Limiter(allowed=dict.fromkeys(Limit, "1/second"), now=lambda: moment[0])
    await limits.count(Limit.ADMIN, "1.1.1.1")
    waits = int((await refused(limits, "1.1.1.1")).headers["Retry-After"])
    assert waits == 1
    moment[0] += waits
    await limits.count(Limit.ADMIN, "1.1.1.1")


async def test_a_flood_of_addresses_fills_the_buckets_and_no_more() -> None:
    limits = limiter(buckets=64)
    for number in range(3000):
        try:
            await limits.count(Limit.CONNECT, f"2001:db8:{number:x}::")
        except HttpProblem as problem:
            assert problem.status == 429  # noqa: PT017
    assert limits.kept <= 64


async def test_nobody_can_tell_whose_bucket_they_share() -> None:
    callers = [f"1.1.{number // 250}.{number % 250}" for number in range(500)]
    one, other = limiter(), limiter()
    assert [one._bucket(caller) for caller in callers] == [one._bucket(caller) for caller in callers]
    assert [one._bucket(caller) for caller in callers] != [other._bucket(caller) for caller in callers]


def test_proven_paths_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "MAX_PROVEN", 3)
    limits = limiter()
    for path in ("a", "b", "c", "a", "d"):
        limits.prove(path)
    assert [path for path in "abcd" if limits.proven(path)] == ["a", "c", "d"]
    assert b"a" not in limits._proven, "no path token is kept in clear"


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_caller(host: str, caller: str) -> None:
    assert caller_of(SimpleNamespace(client=SimpleNamespace(host=host))) == caller  # type: ignore[arg-type]


def test_a_connection_without_an_address_is_a_caller_too() -> None:
    assert caller_of(SimpleNamespace(client=None)) == ""  # type: ignore[arg-type]


def test_every_limit_has_an_allowance_and_genuine_deliveries_the_largest() -> None:
    assert set(ALLOWED) == set(Limit)
    per_minute = {limit: int(text.removesuffix("/minute")) for limit, text in ALLOWED.items()}
    assert per_minute[Limit.DELIVERIES] >= 10 * max(per_minute[limit] for limit in set(Limit) - {Limit.DELIVERIES})

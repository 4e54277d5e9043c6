"""The leak hunt itself: a leak planted in each place is found and named, and what may be there is let be."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from ledgerbridge.ops.logging import get_logger
from ledgerbridge.pleo import wire
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.oauth import new_state, new_verifier
from ledgerbridge.store.vault import Vault, new_token
from ledgerbridge.web.middleware import RequestFrame
from pleo_sandbox.config import DEFAULT_CLIENT_SECRET, SandboxConfig
from pleo_sandbox.core.signing import new_secret
from pleo_sandbox.core.world import World
from tests.support import canaries
from tests.support.canaries import canary, canary_key
from tests.support.commands import Process
from tests.support.database_pool import DatabasePool
from tests.support.leak_watch import ENABLED, HUNT

pytestmark = [
    pytest.mark.rule("AUTH-045"),
    pytest.mark.skipif(not ENABLED, reason="the hunt is off"),
]
SECRET = canary("planted secret")


@pytest.fixture(autouse=True)
def _only_planted() -> Iterator[None]:
    assert HUNT.caught() == []
    yield
    assert HUNT.caught() == [], "a test of the hunt has to collect what it planted"


def test_every_secret_made_at_random_bears_the_mark() -> None:
    made = {
        "state or verifier": [new_state(), new_verifier()],
        "session or path token": [new_token()],
        "webhook secret": [new_secret()],
    }
    for name, values in made.items():
        for value in values:
            assert canaries.found_in(f"here it is: {value}!") == [name]
    assert len(new_token()) == len(new_state()) == 43
    assert len({new_token() for _ in range(50)}) == 50


def test_the_tokens_and_links_of_the_sandbox_bear_the_mark() -> None:
    world = World(SandboxConfig())
    link = world.files.link("a-file")
    assert canaries.found_in(link) == ["signature of a receipt's link"]


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"x:" + SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"xy:" + SECRET.encode() + b"?").decode(),
        base64.b64encode(b"1234" + SECRET.encode()).decode(),
        SECRET.encode().hex(),
        repr(SECRET.encode()),
        canary_key(),
        base64.urlsafe_b64decode(canary_key()).hex(),
        DEFAULT_CLIENT_SECRET,
    ],
    ids=["plain", "base64", "base64+2", "base64+3", "base64+4", "hex", "bytes", "key", "key in hex", "without a mark"],
)
def test_a_canary_is_known_in_every_spelling(spelt: str) -> None:
    assert canaries.found_in(f"before {spelt} after")
    assert not canaries.found_in(f"before {spelt[::-1]} after")


def test_a_log_line_of_ours_and_of_a_library_is_read_as_it_is_rendered() -> None:
    get_logger("ledgerbridge.exports").info(f"the word is {SECRET}")
    logging.getLogger("some.library").warning("given %s", SECRET)
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError:
        get_logger("ledgerbridge.syncs").exception("failed")
    assert HUNT.caught() == [
        "log line of ledgerbridge.exports: planted secret",
        "log line of some.library: planted secret",
        "log line of ledgerbridge.syncs: planted secret",
    ]


def test_what_the_log_hides_is_no_leak() -> None:
    get_logger("ledgerbridge.exports").info("asked", refresh_token=SECRET, header=f"Bearer {SECRET}")


def test_an_error_of_ours_is_read_when_it_is_made() -> None:
    PleoError("getExportJob", detail=f"echo {SECRET}")
    assert HUNT.caught() == ["error PleoError: planted secret"]


async def test_answers_of_the_web_face_are_read_and_cookies_let_be() -> None:
    inner = FastAPI()

    @inner.get("/body")
    async def body() -> PlainTextResponse:
        return PlainTextResponse(f"your key is {SECRET}")

    @inner.get("/header")
    async def header() -> PlainTextResponse:
        answer = PlainTextResponse("", headers={"X-Debug": SECRET})
        answer.set_cookie("session", SECRET)
        return answer

    async def quiet(scope: object, receive: object, send: object) -> None:
        await inner(scope, receive, send)  # type: ignore[arg-type]

    class Metrics:
        def request(self, *_: object) -> None: ...

    class Services:
        metrics = Metrics()

    inner.state.services = Services()
    frame = RequestFrame(quiet, secure=False)  # type: ignore[arg-type]

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        scope["app"] = inner
        await frame(scope, receive, send)  # type: ignore[arg-type]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:  # type: ignore[arg-type]
        await client.get("/body")
        await client.get("/header")
    assert HUNT.caught() == [
        "answer to GET /body: planted secret",
        "answer to GET /header, header x-debug: planted secret",
    ]


async def test_requests_we_send_carry_a_secret_only_where_it_belongs() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    limits = wire.Limits()

    async def send(url: str, **headers: str) -> None:
        async with httpx.AsyncClient(transport=transport) as http:
            request = wire.bare_request("POST", url, headers=headers, limits=limits, content=SECRET.encode())
            await wire.exchange(http, request, limits)

    await send("https://pleo.example/oauth/token", Authorization=f"Basic {SECRET}")
    assert HUNT.caught() == []
    await send(f"https://pleo.example/v1/x?key={SECRET}", **{"X-Key": SECRET})
    assert HUNT.caught() == [
        f"request to pleo.example, {place}: planted secret" for place in ("url", "header x-key", "body")
    ]
    await send(f"https://files.example/files/{SECRET}", Authorization="Bearer anything")
    assert [find.partition(":")[0] for find in HUNT.caught()] == [
        "request to files.example, body",
        "request to files.example, header authorization",
    ]


@pytest.mark.parametrize(
    ("spoilt", "find"),
    [
        ("UPDATE connections SET status_reason = %s", "table connections: planted secret"),
        (
            "UPDATE credentials SET access_token_sealed = %s::text::bytea",
            "table credentials: a secret in another spelling",
        ),
        (
            "INSERT INTO audit_log (actor, action, detail) VALUES ('x', 'y', jsonb_build_object('a', %s::text))",
            "table audit_log: planted secret",
        ),
        (
            "INSERT INTO procrastinate_jobs VALUES (1, 'q', 't', 0, null, null, jsonb_build_object('a', %s::text))",
            "table procrastinate_jobs: planted secret",
        ),
    ],
    ids=["text", "unsealed", "json", "queue"],
)
def test_every_row_is_read_before_a_database_is_emptied(databases: DatabasePool, spoilt: str, find: str) -> None:
    name = databases.take()
    with psycopg.connect(databases.cluster.url(name), autocommit=True) as connection:
        (made,) = connection.execute(
            "INSERT INTO connections (id, environment, company_id, status, auth_method, subject_urn, scopes)"
            " VALUES (gen_random_uuid(), 'custom', 'c', 'active', 'oauth', 'urn', '') RETURNING id"
        ).fetchone() or (None,)
        connection.execute("INSERT INTO credentials (connection_id, generation) VALUES (%s, 0)", [made])
        connection.execute(spoilt, [SECRET])
    databases.give_back(name)
    assert HUNT.caught() == [find]


def test_sealed_columns_show_nothing(databases: DatabasePool) -> None:
    name = databases.take()
    vault = Vault([bytes(32)])
    sealed = vault.seal(SECRET, table="credentials", column="access_token_sealed", row="1")
    with psycopg.connect(databases.cluster.url(name), autocommit=True) as connection:
        (made,) = connection.execute(
            "INSERT INTO connections (id, environment, company_id, status, auth_method, subject_urn, scopes)"
            " VALUES (gen_random_uuid(), 'custom', 'c', 'active', 'oauth', 'urn', '') RETURNING id"
        ).fetchone() or (None,)
        connection.execute(
            "INSERT INTO credentials (connection_id, generation, access_token_sealed) VALUES (%s, 0, %s)",
            [made, sealed],
        )
    databases.give_back(name)


def test_the_output_of_a_process_is_read(tmp_path: Path) -> None:
    code = f"import sys; print('{SECRET}'); print('{SECRET}', file=sys.stderr)"
    process = Process("talker", ["-c", code], {}, tmp_path, command=[sys.executable])
    assert process.wait(60) == 0
    assert HUNT.settle() == ["output of a process: planted secret", "log of a process: planted secret"]


def test_a_leak_fails_the_test_it_happened_in(tmp_path: Path) -> None:
    """A whole pytest of its own, as the hunt is wired into the suite."""
    leaking = Path(__file__).parents[1] / "leaks" / "leaking_example.py"
    python = (sys.executable, "-m")
    done = subprocess.run(
        # A folder of its own, because pytest closes the one it shares with us to the user whom PostgreSQL runs as.
        [*python, "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'own'}", str(leaking)],
        capture_output=True,
        text=True,
        timeout=250,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "let secrets out: ['log line of ledgerbridge.example: an example']" in done.stdout
    assert "1 passed, 1 error" in done.stdout

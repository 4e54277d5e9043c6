"""A sealed value in another cell than its own opens nothing: what the service then says, and that it sends nobody's.

Every column whose name ends in `_sealed` is tried; one that is added without a line here fails the first test.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.exports.run import look
from ledgerbridge.store.tables import Base, Connection, Credential
from ledgerbridge.store.vault import Vault
from tests.integration.web.mailbox import Box, export_event
from tests.integration.web.two_companies import Two
from tests.support.rig import CONFIGURATION

SEALED = {
    f"{table.name}.{column.name}"
    for table in Base.metadata.tables.values()
    for column in table.columns
    if column.name.endswith("_sealed")
}


async def no_access_to_pleo(two: Two) -> None:
    """A call of an administrator is refused with words, the work of a worker is left for later, Pleo hears nothing."""
    heard = two.face.pleo.running.sandbox.world.recorder.requests
    before = len(heard)
    with pytest.raises(SecretUnreadable):
        await look(two.face.services.exports, two.mine.connection_id, "poll")
    assert await status(two) == "active", "a fault that a person can mend ended the connection"
    answer = await two.administrator().delete(f"/admin/api/connections/{two.mine.connection_id}")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:ledgerbridge:problem:secret-unreadable")
    assert await status(two) == "paused", "a removal that could not be carried out counts as one"
    assert len(heard) == before, "Pleo was called with an access that is not this company's"


async def access_is_due(two: Two) -> None:
    async with two.face.services.db.transaction() as session:
        row = await session.get_one(Credential, two.mine.connection_id)
        row.expires_at = utcnow() - dt.timedelta(hours=1)
    await no_access_to_pleo(two)


async def connected_by_key(two: Two) -> None:
    async with two.face.services.db.transaction() as session:
        (await session.get_one(Connection, two.mine.connection_id)).auth_method = "api_key"
    await no_access_to_pleo(two)


async def no_access_to_the_erp(two: Two) -> None:
    answer = await two.administrator().put(
        f"/admin/api/connections/{two.mine.connection_id}/config", json=CONFIGURATION
    )
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:ledgerbridge:problem:secret-unreadable")
    assert await status(two) == "active"


async def no_delivery_is_believed(two: Two) -> None:
    """Neither under its own secret, which cannot be read, nor under the other company's."""
    box = Box(two.face, two.mine.connection_id, two.mine.path_token, two.mine.secret)
    body = export_event(two.mine.company_id)
    for secret in (two.theirs.secret, two.mine.secret):
        answer = await two.caller().post(box.path, content=body, headers=box.signed(body, secret=secret))
        assert answer.status_code == 401, answer.text
    assert await box.looks_waiting() == 0


async def no_subscription_is_touched(two: Two) -> None:
    answer = await two.administrator().delete(f"/admin/api/connections/{two.mine.connection_id}")
    assert answer.status_code == 503, answer.text
    assert await status(two) == "paused"


Consequence = Callable[[Two], Awaitable[None]]
CONSEQUENCES: dict[str, Consequence] = {
    "credentials.access_token_sealed": no_access_to_pleo,
    "credentials.refresh_token_sealed": access_is_due,
    "credentials.api_key_sealed": connected_by_key,
    "erp_bindings.settings_sealed": no_access_to_the_erp,
    "subscriptions.secret_sealed": no_delivery_is_believed,
    "subscriptions.path_token_sealed": no_subscription_is_touched,
}


def test_every_sealed_column_is_tried() -> None:
    """Those of no company, and of set-up, have tests where they are used."""
    elsewhere = {"connect_attempts.verifier_sealed", "oidc_attempts.verifier_sealed", "setup_drafts.settings_sealed"}
    assert set(CONSEQUENCES) | elsewhere == SEALED


@pytest.mark.parametrize("cell", CONSEQUENCES)
async def test_a_value_from_another_cell_lets_nobody_in(two: Two, cell: str, caplog: pytest.LogCaptureFixture) -> None:
    """From the other company's row, from another column or table of the same row, and under a key nobody lists."""
    table, column = cell.split(".")
    vault = two.face.services.connections.vault
    mine, theirs = two.mine.connection_id, two.theirs.connection_id
    text_ = secrets.token_urlsafe()
    for origin in (
        vault.seal(text_, table=table, column=column, row=theirs),
        vault.seal(text_, table=table, column="another_sealed", row=mine),
        vault.seal(text_, table="another", column=column, row=mine),
        Vault([bytes(range(32))]).seal(text_, table=table, column=column, row=mine),
    ):
        await put(two, cell, origin, mine)
        await let_work(two)
        caplog.clear()
        await CONSEQUENCES[cell](two)
        assert any("ALERT" in one.getMessage() and cell in one.getMessage() for one in caplog.records)
        assert text_ not in caplog.text


async def test_a_verifier_of_another_attempt_finishes_none(two: Two) -> None:
    browser = two.caller()
    first, second = [await browser.get("/connect") for _ in range(2)]
    async with two.face.services.db.transaction() as session:
        await session.execute(text(
            "update connect_attempts a set verifier_sealed = b.verifier_sealed from connect_attempts b "
            "where a.state_hash <> b.state_hash"
        ))  # fmt: skip
    for pressed in (first, second):
        back = two.face.pleo.decide(pressed.headers["location"])
        assert parse_qs(urlsplit(back).query)["code"]
        answer = await browser.get(back)
        assert answer.status_code == 400
        assert "Connect" in answer.text
        assert "session" not in answer.headers.get("set-cookie", "")


async def put(two: Two, cell: str, sealed: bytes, connection_id: uuid.UUID) -> None:
    table, column = cell.split(".")
    async with two.face.services.db.transaction() as session:
        query = text(f"update {table} set {column} = :sealed where connection_id = :connection_id")
        done = await session.execute(query, {"sealed": sealed, "connection_id": connection_id})
        assert done.rowcount == 1  # type: ignore[attr-defined]


async def let_work(two: Two) -> None:
    async with two.face.services.db.transaction() as session:
        (await session.get_one(Connection, two.mine.connection_id)).status = "active"


async def status(two: Two) -> str:
    async with two.face.services.db.transaction() as session:
        return (await session.get_one(Connection, two.mine.connection_id)).status

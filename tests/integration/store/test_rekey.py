"""Retiring an encryption key: everything is sealed again while the service works, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import LargeBinary, select

from ledgerbridge.clock import utcnow
from ledgerbridge.ops import keys
from ledgerbridge.ops.doctor import Finding, Level
from ledgerbridge.ops.doctor_database import inspect_database
from ledgerbridge.settings import Settings
from ledgerbridge.store import rekey
from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Base, Connection, Credential, Subscription
from ledgerbridge.store.vault import UnknownKey, Vault, hash_token
from tests.support.commands import running, until

OLD, NEW, LOST = (os.urandom(32) for _ in range(3))
CELLS = [cell.name for cell in rekey.cells()]
ATTEMPTS = ("connect_attempts", "oidc_attempts")
"""Tables of no company, whose rows are named by the hash of a state."""
HASHES = {"admin_sessions.credential"}
"""Binary columns of another name that hold the hash of a secret and no secret."""
FILES = {"voucher_files.content", "voucher_pieces.content"}
"""Binary columns that hold what customers upload and download."""


def text_of(keys: list[bytes]) -> str:
    return ",".join(base64.urlsafe_b64encode(key).decode() for key in keys)


@dataclass
class Stored:
    """What the database holds, sealed, beside the plain text."""

    db: Database
    url: str
    plain: dict[tuple[str, Any], str]
    """Column and row to text."""

    async def opens_with(self, *keys: bytes) -> dict[tuple[str, Any], str]:
        """Every stored value, opened with these keys only. Raises UnknownKey."""
        vault, found = Vault(keys), {}
        async with self.db.reading() as session:
            for cell in rekey.cells():
                with across_companies(session, "a test"):
                    rows = await session.execute(select(cell.row, cell.column).where(cell.column.is_not(None)))
                for row, sealed in rows:
                    named = (cell.name, row)
                    found[named] = vault.open(sealed, table=cell.table.name, column=cell.column.name, row=row)
        return found

    async def counted(self, *keys: bytes) -> rekey.Census:
        async with self.db.reading() as session:
            return await rekey.census(session, Vault(keys))


async def stored(db: Database, url: str, companies: int, *keys: bytes) -> Stored:
    """Companies with something in every sealed column, under the first of `keys`."""
    vault, plain = Vault(keys), {}
    owners = [uuid.uuid4() for _ in range(companies)]
    async with db.transaction() as session:
        session.add_all(
            Connection(id=one, environment="custom", company_id=str(one), auth_method="oauth", subject_urn="urn:c")
            for one in owners
        )
        await session.flush()
        for owner in owners:
            for table in {cell.table for cell in rekey.cells()}:
                state = os.urandom(32)
                attempt = {"state_hash": state, "browser_hash": b"b", "expires_at": utcnow() + timedelta(hours=1)}
                row: Any = state if table.name in ATTEMPTS else owner
                values: dict[str, Any] = {
                    "connect_attempts": attempt,
                    "oidc_attempts": {**attempt, "nonce_hash": b"n"},
                    "setup_drafts": {"body": {}, "updated_by": "test"},
                    "erp_bindings": {
                        "kind": "double",
                        "settings_shown": {},
                        "company_ref": "1",
                        "company_name": "-",
                        "currency": "DKK",
                        "bound_by": "test",
                    },
                    "subscriptions": {"path_token_hash": hash_token(str(owner)), "event_types": []},
                    "credentials": {"generation": 1},
                }[table.name]
                for cell in (cell for cell in rekey.cells() if cell.table is table):
                    plain[cell.name, row] = f"{cell.name} of {owner}"
                    values[cell.column.name] = vault.seal(
                        plain[cell.name, row], table=table.name, column=cell.column.name, row=row
                    )
                values |= {} if table.name in ATTEMPTS else {"connection_id": owner}
                await session.execute(table.insert().values(values))
    return Stored(db, url, plain)


def settings_with(*keys: bytes) -> Settings:
    return Settings(
        _env_file=None,
        pleo_auth_url="http://127.0.0.1:1",
        pleo_api_url="http://127.0.0.1:1",
        encryption_keys=text_of(list(keys)),
    )


async def doctor_on_keys(url: str, *keys: bytes) -> Finding:
    (found,) = [one for one in await inspect_database(settings_with(*keys), url) if one.check == "ENCRYPTION_KEYS"]
    return found


def test_every_sealed_column_is_found() -> None:
    """A secret in a column of another name would be left behind, and its key thrown away."""
    assert {"credentials.refresh_token_sealed", "erp_bindings.settings_sealed"} < set(CELLS)
    binary = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns
              if isinstance(column.type, LargeBinary)}  # fmt: skip
    assert {name for name in binary - HASHES - FILES if not name.endswith("_hash")} == set(CELLS)


@pytest.mark.rule("AUTH-045")
async def test_after_a_rotation_the_new_key_alone_opens_everything(db: Database, database_url: str) -> None:
    kept = await stored(db, database_url, 60, OLD)
    assert (await kept.counted(NEW, OLD)).older == len(kept.plain) == 60 * len(CELLS)
    told: list[tuple[str, int]] = []

    outcome = await rekey.rotate(db, Vault([NEW, OLD]), progress=lambda *one: told.append(one))

    assert outcome.complete
    assert outcome.sealed == len(kept.plain) == sum(count for _, count in told)
    assert {cell for cell, _ in told} == set(CELLS)
    assert max(count for _, count in told) <= rekey.BATCH
    assert await kept.opens_with(NEW) == kept.plain


async def test_a_second_rotation_writes_nothing(db: Database, database_url: str) -> None:
    kept = await stored(db, database_url, 3, NEW)
    with psycopg.connect(database_url) as line:
        before = line.execute("select xmin::text, connection_id from credentials order by 2").fetchall()
    outcome = await rekey.rotate(db, Vault([NEW, OLD]))
    assert (outcome.sealed, outcome.complete) == (0, True)
    with psycopg.connect(database_url) as line:
        assert line.execute("select xmin::text, connection_id from credentials order by 2").fetchall() == before
    assert await kept.opens_with(NEW) == kept.plain


async def test_what_does_not_open_is_named_by_cell_and_row_and_left_and_no_key_is_said_to_be_free(
    db: Database, database_url: str
) -> None:
    kept = await stored(db, database_url, 2, OLD)
    lost, broken = sorted({row for name, row in kept.plain if name == "credentials.api_key_sealed"})
    foreign = Vault([LOST]).seal("x", table="credentials", column="api_key_sealed", row=lost)
    moved = Vault([OLD]).seal("x", table="credentials", column="access_token_sealed", row=broken)
    async with db.transaction() as session:
        (await session.get_one(Credential, lost)).api_key_sealed = foreign
        (await session.get_one(Credential, broken)).api_key_sealed = moved

    outcome = await rekey.rotate(db, Vault([NEW, OLD]), pause=asyncio.sleep)

    assert not outcome.complete
    assert {(one.cell, one.row) for one in outcome.unreadable} == {
        ("credentials.api_key_sealed", str(lost)),
        ("credentials.api_key_sealed", str(broken)),
    }
    assert outcome.sealed == len(kept.plain) - 2
    assert (outcome.left.older, outcome.left.foreign) == (1, {"credentials.api_key_sealed": 1})
    async with db.reading() as session:
        assert (await session.get_one(Credential, lost)).api_key_sealed == foreign
        assert (await session.get_one(Credential, broken)).api_key_sealed == moved


@pytest.mark.rule("AUTH-051", "AUTH-052")
async def test_a_pair_stored_meanwhile_is_never_overwritten(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair changes between the moment the rotation has read the old one and the moment it writes."""
    kept = await stored(db, database_url, 1, OLD)
    (owner,) = {row for name, row in kept.plain if name.startswith("credentials")}
    real = rekey._sealed_again

    def meanwhile(vault: Vault, cell: rekey.Cell, *rest: Any) -> Any:
        if cell.name == "credentials.refresh_token_sealed" and kept.plain[cell.name, owner] != "newer":
            kept.plain[cell.name, owner] = "newer"
            pair = Vault([NEW]).seal("newer", table="credentials", column="refresh_token_sealed", row=owner)
            with psycopg.connect(database_url) as line:
                line.execute("update credentials set refresh_token_sealed = %s, generation = 2", [pair])
        return real(vault, cell, *rest)

    monkeypatch.setattr(rekey, "_sealed_again", meanwhile)
    outcome = await rekey.rotate(db, Vault([NEW, OLD]))
    assert (outcome.overtaken, outcome.complete) == (1, True)
    assert await kept.opens_with(NEW) == kept.plain


async def write_pairs(db: Database, kept: Stored, vault: Vault, name: str, stop: asyncio.Event) -> int:
    """Stores new pairs and webhook secrets the way the service does, row locked, one transaction each; at least once
    for each company."""
    owners = sorted({row for cell, row in kept.plain if cell.startswith("credentials")})
    written = 0
    while True:
        for owner in owners:
            async with db.transaction() as session:
                pair = await session.get_one(Credential, owner, with_for_update=True)
                texts = dict.fromkeys(("access_token_sealed", "refresh_token_sealed"), f"{name} {written}")
                for column, text in texts.items():
                    setattr(pair, column, vault.seal(text, table="credentials", column=column, row=owner))
                pair.generation += 1
                hook = await session.get_one(Subscription, owner, with_for_update=True)
                secret = f"secret {name} {written}"
                hook.secret_sealed = vault.seal(secret, table="subscriptions", column="secret_sealed", row=owner)
                await session.flush()
                # Still inside the transaction, so under the row's lock: what is told here is what counts.
                kept.plain |= {(f"credentials.{column}", owner): text for column, text in texts.items()}
                kept.plain["subscriptions.secret_sealed", owner] = secret
            written += 1
        if stop.is_set():
            return written


async def test_a_rotation_beside_two_replicas_that_refresh_loses_no_pair(db: Database, database_url: str) -> None:
    """One replica runs with the new list already, the other still seals with the old key."""
    kept = await stored(db, database_url, 8, OLD)
    stop = asyncio.Event()
    replicas = [
        asyncio.create_task(write_pairs(db, kept, Vault(listed), name, stop))
        for name, listed in (("new", [NEW, OLD]), ("old", [OLD, NEW]))
    ]
    for _ in range(3):
        await rekey.rotate(db, Vault([NEW, OLD]), pause=lambda _: asyncio.sleep(0.02))
    stop.set()
    assert min(await asyncio.gather(*replicas)) >= 8
    assert await kept.opens_with(NEW, OLD) == kept.plain, "a stored pair was overwritten with an older one"
    await write_pairs(db, kept, Vault([OLD, NEW]), "old, late", stop)
    assert (await kept.counted(NEW, OLD)).older == 24, "the replica with the old list stored nothing"

    outcome = await rekey.rotate(db, Vault([NEW, OLD]))  # after that replica has been restarted
    assert outcome.complete
    assert await kept.opens_with(NEW) == kept.plain


async def test_the_command_killed_in_the_middle_is_repeated_and_then_the_old_key_can_go(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    kept = await stored(db, database_url, 150, OLD)
    with psycopg.connect(database_url) as line:  # slow enough that the kill falls between two batches
        line.execute(
            "create function slow() returns trigger language plpgsql as "
            "$$ begin perform pg_sleep(0.01); return new; end $$"
        )
        line.execute("create trigger slow before update on credentials for each row execute function slow()")
    environment = {
        "DATABASE_URL": database_url,
        "PLEO_AUTH_URL": "http://127.0.0.1:1",
        "PLEO_API_URL": "http://127.0.0.1:1",
        "ENCRYPTION_KEYS": text_of([NEW, OLD]),
    }

    def current() -> int:
        with psycopg.connect(database_url) as look:
            query = "select count(*) from credentials where substr(access_token_sealed, 1, 9) = %s"
            found = int(look.execute(query, [Vault([NEW]).prefix]).fetchone()[0])  # type: ignore[index]
        assert found or first.running, first.stderr
        return found

    with running("killed", ["rotate-keys"], environment, tmp_path, fork=True) as first:
        await asyncio.to_thread(until, "a batch is done", current, 60, 0.01)
        first.kill()
    with psycopg.connect(database_url) as line:
        line.execute("drop trigger slow on credentials")
    halfway = await kept.counted(NEW, OLD)
    assert halfway.current
    assert halfway.older
    assert await kept.opens_with(NEW, OLD) == kept.plain
    with pytest.raises(UnknownKey):
        await kept.opens_with(NEW)

    said: list[str] = []
    assert not await keys.rotate(settings_with(NEW, OLD), database_url, said.append, dry_run=True)
    assert f"{halfway.older} under older ones" in said[0]
    assert (await kept.counted(NEW, OLD)).older == halfway.older, "a dry run changed something"

    with running("again", ["rotate-keys"], environment, tmp_path, fork=True) as second:
        assert await asyncio.to_thread(second.wait) == 0, second.stderr
        assert f"all {len(kept.plain)} are under the first key" in second.stdout
        for secret in (*kept.plain.values(), text_of([OLD]), text_of([NEW])):
            assert secret not in second.stdout + second.stderr
    assert await kept.opens_with(NEW) == kept.plain


async def test_the_doctor_says_whether_an_older_key_is_needed(db: Database, database_url: str) -> None:
    kept = await stored(db, database_url, 1, OLD)
    needed = await doctor_on_keys(database_url, NEW, OLD)
    assert (needed.level, str(len(kept.plain)) in needed.text) == (Level.WARNING, True)
    assert "rotate-keys" in needed.fix
    missing = await doctor_on_keys(database_url, NEW)
    assert missing.level is Level.ERROR
    assert "credentials.refresh_token_sealed" in missing.text
    await rekey.rotate(db, Vault([NEW, OLD]))
    spare = await doctor_on_keys(database_url, NEW, OLD)
    assert (spare.level, "Only the first key is needed" in spare.text) == (Level.OK, True)
    assert (await doctor_on_keys(database_url, NEW)).level is Level.OK


def test_nothing_but_the_vault_and_the_cursors_of_lists_depends_on_the_keys() -> None:
    """Whoever uses the keys for more must say what becomes of it when a key is taken out of the list."""
    rooms = Path(rekey.__file__).parents[1]
    users = {
        path.relative_to(rooms).as_posix()
        for path in rooms.rglob("*.py")
        if re.search(r"settings\.keys\b(?!\()|encryption_keys", path.read_text())
    }
    assert users == {"app.py", "ops/doctor.py", "ops/doctor_database.py", "ops/keys.py", "settings.py"}

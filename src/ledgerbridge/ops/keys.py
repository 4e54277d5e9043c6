"""`ledgerbridge rotate-keys`: retiring an encryption key without stopping the service, and saying when that is safe."""

from __future__ import annotations

from collections.abc import Callable

from ledgerbridge.settings import Settings
from ledgerbridge.store import audit, rekey
from ledgerbridge.store.engine import Database
from ledgerbridge.store.vault import Vault

Say = Callable[[str], object]
"""Tells the person at the terminal one line."""
_MOST_NAMED = 20


async def rotate(settings: Settings, url: str, say: Say, *, dry_run: bool = False) -> bool:
    """Seal all stored values with the first key, or with `dry_run` only count; whether no other key is needed.

    Raises SQLAlchemyError when the database fails; a repeated call goes on.
    """
    try:
        vault = Vault(settings.keys)
    except ValueError as fault:
        say(f"{fault} `ledgerbridge doctor` says what to do.")
        return False
    db = Database(url, pool_size=2, application_name="ledgerbridge rotate-keys")
    try:
        async with db.reading() as session:
            before = await rekey.census(session, vault)
        say(_counted(before))
        if dry_run:
            return not (before.older or before.unlisted)
        outcome = await rekey.rotate(db, vault, progress=lambda cell, count: say(f"{cell}: {count} sealed again"))
        async with db.transaction() as session:
            audit.record(
                session,
                "system",
                "secrets_sealed_again",
                None,
                sealed=outcome.sealed,
                unreadable=len(outcome.unreadable),
            )
    finally:
        await db.close()
    return _told(outcome, say)


def _counted(found: rekey.Census) -> str:
    parts = [f"{found.current} stored secrets under the first key", f"{found.older} under older ones"]
    parts += [f"{number} in {cell} under a key that is not listed" for cell, number in found.foreign.items()]
    return ", ".join(parts) + "."


def _told(outcome: rekey.Outcome, say: Say) -> bool:
    say(f"{outcome.sealed} sealed again, {outcome.overtaken} changed by the service meanwhile.")
    for one in outcome.unreadable[:_MOST_NAMED]:
        say(f"not readable, left as it is: row {one.row}: {one.why}")
    if len(outcome.unreadable) > _MOST_NAMED:
        say(f"... and {len(outcome.unreadable) - _MOST_NAMED} more.")
    if outcome.complete:
        say(
            f"Checked: all {outcome.left.current} are under the first key. Once every process runs with this list, the "
            "other keys can be taken out of ENCRYPTION_KEYS; keep them with the backups they belong to."
        )
    elif outcome.unreadable:
        say(
            "Take no key out yet. Put the key of the unreadable values back behind the others and run this again; "
            "where it is lost, connect those companies again or enter their access anew."
        )
    else:
        say(
            f"Take no key out yet: {outcome.left.older} were stored under an older key meanwhile. A process still runs "
            "with the older list: restart it with this one, then run this again."
        )
    return outcome.complete

"""Set-up by a person, step by step: what they entered is kept until it can be put into force, and never lost.

Before the first version of the configuration the answers wait in a draft, because one is only good as a whole. From
then on every step that is saved becomes the next version at once. What is unfinished or faulty stays in the draft as it
was entered. Answers of different steps never overwrite each other, whichever tab they come from.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import defer

from ledgerbridge.connections import configuration
from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.configuration import Version
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.drafts import Kept, change, kept_of
from ledgerbridge.connections.errors import ConfigurationRefused, ErpNotBound, Fault, Refused
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.store.tables import Connection, ErpBinding, SetupDraft

_TRIES = 5
"""Against others who change the configuration at the same moment."""


class Step(StrEnum):
    """What a person is asked for, in this order."""

    ERP = "erp"
    ACCOUNTS = "accounts"
    POSTING = "posting"
    DIMENSIONS = "dimensions"
    SYNCS = "syncs"


ASKED: Mapping[Step, tuple[str, ...]] = MappingProxyType(
    {
        Step.ACCOUNTS: ("journal", "accounts"),
        Step.POSTING: ("posting_mode", "closed_period", "time_zone", "tax", "default_vendor", "changed_reexport"),
        Step.DIMENSIONS: ("dimensions",),
        Step.SYNCS: ("syncs",),
    }
)
"""The members of the configuration that each step asks for."""

_ANY_ACCOUNTS = {"journal": "-", "accounts": {"wallet": {"*": "-"}, "out_of_pocket": "-", "contra": "-"}}
"""Stands for the accounts while another step is judged before they are chosen."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A step that has to be finished first."""

    step: Step
    begun: bool
    """Something was entered, but not all that is needed, or it is faulty."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How far the set-up of a connection is, as one moment saw it."""

    connection: Connection
    """Detached: changing it changes nothing."""
    binding: ErpBinding | None
    """None when no ERP is bound, or its access was wiped on disconnect."""
    in_force: Version | None
    draft: Mapping[Step, Kept]
    """What is not in force yet."""

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What keeps the configuration from being whole, in the order of the steps."""
        return tuple(Missing(step, step in self.draft) for step in Step if not self.answered(step))

    def answered(self, step: Step) -> bool:
        """Whether a step is finished, in the draft or in force."""
        if step is Step.ERP:
            return self.binding is not None
        kept = self.draft.get(step)
        return self.in_force is not None or (kept is not None and kept.answers is not None)

    def answers(self) -> dict[str, Any]:
        """Members of the configuration as they would be: what is in force, and finished answers over it."""
        found = self.in_force.body.model_dump(mode="json") if self.in_force else {}
        for step in ASKED:
            found |= (kept.answers if (kept := self.draft.get(step)) else None) or {}
        return found


async def read(room: Connections, connection_id: uuid.UUID) -> Setup:
    """How far the set-up is. Raises `ConnectionUnknown`."""
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        binding = await session.get(ErpBinding, connection_id)
        newest = await newest_config(session, connection_id)
        draft = await session.get(SetupDraft, connection_id, options=[defer(SetupDraft.settings_sealed)])
        kept = kept_of(draft) if draft else {}
    return Setup(
        connection,
        binding if binding is not None and binding.settings_sealed is not None else None,
        configuration.version_of(newest) if newest else None,
        {step: kept[step] for step in Step if step in kept},
    )


async def put_in_force(room: Connections, connection_id: uuid.UUID, actor: str) -> Version:
    """Make the finished answers of the draft the next version, checked against the live ERP, and clear them from it.

    Repeatable: with nothing new the version in force is returned as it is. Raises `Refused("setup_incomplete")` while
    steps are missing, and otherwise as `configuration.put`; the draft stays as it is then.
    """
    for _ in range(_TRIES):
        setup = await read(room, connection_id)
        if setup.missing:
            steps = ", ".join(one.step.value for one in setup.missing)
            raise Refused("setup_incomplete", f"These steps of the set-up are not finished yet: {steps}.")
        body = ConfigurationBody.read(setup.answers())
        version = setup.in_force
        if version is None or version.body != body:
            try:
                wanted = body.model_dump(mode="json")
                version = await configuration.put(
                    room, connection_id, wanted, actor, following=version.version if version else 0
                )
            except Refused as refused:
                if refused.code != "configuration_changed":
                    raise
                continue
        await _clear(room, setup, actor)
        return version
    raise Refused("configuration_changed", "The configuration is being changed elsewhere just now. Save again.")


async def keep(
    room: Connections,
    connection_id: uuid.UUID,
    step: Step,
    entered: Mapping[str, Any],
    actor: str,
    *,
    answers: Mapping[str, Any] | None = None,
) -> None:
    """Keep what was entered in a step, never a secret; `answers` once it is finished. Raises `ConnectionUnknown`."""
    kept = Kept(dict(entered), dict(answers) if answers is not None else None, room.now())
    async with change(room, connection_id, actor) as draft:
        draft.body = draft.body | {step.value: kept.stored()}
        if answers is not None:
            draft.step = step.value


async def discard(room: Connections, connection_id: uuid.UUID, step: Step, actor: str) -> None:
    """Forget what was entered in a step and is not in force. Raises `ConnectionUnknown`."""
    async with change(room, connection_id, actor) as draft:
        draft.body = {name: kept for name, kept in draft.body.items() if name != step.value}


async def save(
    room: Connections,
    connection_id: uuid.UUID,
    step: Step,
    entered: Mapping[str, Any],
    answers: Mapping[str, Any],
    actor: str,
) -> Version | None:
    """Keep the answers of a step, checked against the live ERP, and put them into force when nothing is missing.

    The version in force; None while steps are missing. Raises `ErpNotBound`, `ConnectionUnknown`, `Refused` when the
    ERP cannot be read, and `ConfigurationRefused`. Whatever is raised, what was entered is kept; the answers count as
    given unless a fault is this step's own (`own`).
    """
    await keep(room, connection_id, step, entered, actor)
    setup = await read(room, connection_id)
    if setup.binding is None:
        raise ErpNotBound
    if {one.step for one in setup.missing} - {step}:
        if faults := own(step, await _faults(room, setup, answers)):
            raise ConfigurationRefused(faults)
        await keep(room, connection_id, step, entered, actor, answers=answers)
        return None
    await keep(room, connection_id, step, entered, actor, answers=answers)
    try:
        return await put_in_force(room, connection_id, actor)
    except ConfigurationRefused as refused:
        # With a version in force nothing of the step counts yet; before it, the steps at fault are what is missing.
        counts_not = {step} if setup.in_force else set()
        await _unfinish(room, connection_id, {step_of(fault) for fault in refused.faults} | counts_not, actor)
        raise
    except Refused:
        await _unfinish(room, connection_id, {step}, actor)
        raise


def own(step: Step, faults: Sequence[Fault]) -> list[Fault]:
    """Those of a configuration's faults that stand in what a step asks for."""
    return [fault for fault in faults if fault.path.partition(".")[0] in ASKED[step]]


def step_of(fault: Fault) -> Step | None:
    """The step that asks for what a fault is in."""
    return next((step for step in ASKED if own(step, [fault])), None)


async def _faults(room: Connections, setup: Setup, answers: Mapping[str, Any]) -> list[Fault]:
    body = ConfigurationBody.read(_ANY_ACCOUNTS | setup.answers() | dict(answers))
    async with open_erp(room, setup.connection.id) as erp:
        return await configuration.faults_in(erp, body.configuration(version=0))


async def _unfinish(room: Connections, connection_id: uuid.UUID, steps: Collection[Step | None], actor: str) -> None:
    """Keep what these steps entered, and take their answers back: they were found faulty, or could not be checked."""
    async with change(room, connection_id, actor) as draft:
        draft.body = {
            name: kept | {"answers": None} if name in steps and name in map(str, ASKED) else kept
            for name, kept in draft.body.items()
        }


async def _clear(room: Connections, used: Setup, actor: str) -> None:
    """Take from the draft what is in force now; what was entered meanwhile stays."""
    done = {
        step.value: kept.stored() for step, kept in used.draft.items() if step in ASKED and kept.answers is not None
    }
    if done:
        async with change(room, used.connection.id, actor) as draft:
            draft.body = {name: kept for name, kept in draft.body.items() if done.get(name) != kept}


def unfinished_since(setup: Setup, step: Step) -> dt.datetime | None:
    """When something was entered in a step that is not finished; None when nothing waits."""
    kept = setup.draft.get(step)
    return kept.at if kept is not None and kept.answers is None else None

"""Migrations that stand are never changed, and new ones only add, so that the code of before works on beside them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic.script import Script, ScriptDirectory

from ledgerbridge.store import schema

FROZEN = {
    "0001": "f1ec3b106d1f5c3d05a5d65041e01c86bf3be1acdf527dde3e6cf89dfafd4bdb",
    "0002": "1080f6b022e03cbc2d6165884771f3519c6f733a88495895e94b748a069dec7e",
    "0003": "c7dc043b789e598565bfd7f5cc648f90de432309271d4e851d35e4d9534bfafa",
    "0004": "aa3f2008337ef689ff09e1c4ba3e07d4af157b588a7913644b7330ede4db41ef",
    "0005": "058373547b6cba782e4baedcd3f06d0a361c763df5101cdc618fab7fdaa23924",
    "0006": "e57fe1eb81cf6345cc670df58690e33dfe24274aca72e9db3feccd89704f4a15",
}
"""SHA-256 of migrations that databases in use have had: what is wrong in one is mended by the next."""
BEFORE_THE_RULE = frozenset({"0001", "0002", "0003", "0004"})
"""Made before any release, when no older code could run beside them."""

Faults = list[str]
_MADE = re.compile(r"\bcreate table (?:if not exists )?(\w+)")
_TABLE = re.compile(r"\balter table (?:only )?(\w+)|\bcreate (?:unique )?index .*? on (\w+)")
_FORBIDDEN = {
    r"\bdrop (table|column|constraint|index|function|trigger|type|schema)\b": "takes away what older code may use",
    r"\brename\b": "renames what older code may use",
    r"\balter column \w+ (set data )?type\b": "changes a type under older code",
    r"\bset not null\b": "refuses rows that older code may write",
    r"\bdrop default\b": "older code leaves the column out",
    r"\b(truncate|delete from|lock table)\b": "is work of the service, in pieces, not of a migration",
    r"^\s*update\b": "rewrites a table in one transaction: let the service do it in pieces",
    r"\badd (constraint \w+ )?unique\b|\bcreate unique index\b": "refuses rows that older code may write",
    r"\badd (constraint \w+ )?(check|foreign key)\b(?!.*\bnot valid\b)": "reads the table under a lock: use not valid",
    r"\badd column (if not exists )?\w+ (?!.*\bdefault\b)[^,]*\bnot null\b": "older code leaves it out: add a default",
    r"\bcreate index\b(?! concurrently)": "stops writing to the table while it is built: put it in CONCURRENTLY",
}


def faults_of(
    statements: Iterable[str], concurrently: Mapping[str, str] = {}, contract: Mapping[str, str] = {}
) -> Faults:
    """What in a migration would hurt the code that still runs. What touches only tables it makes itself is free.

    `contract` lists statements that take something away, with the revision since which no code uses that.
    """
    written = [" ".join(one.lower().split()) for one in statements]
    made = {name for one in written for name in _MADE.findall(one)}
    allowed = {" ".join(one.lower().split()) for one in contract}
    found = []
    for one in written:
        table = _TABLE.search(one)
        if one in allowed or (table and (table[1] or table[2]) in made):
            continue
        found += [f"{one}: {why}" for pattern, why in _FORBIDDEN.items() if re.search(pattern, one)]
    for name, one in concurrently.items():
        if not re.match(rf"create index concurrently {name} on ", " ".join(one.lower().split())):
            found.append(f"{name}: must read `create index concurrently {name} on ...`, and cannot be unique")
    return found


def migrations() -> list[Script]:
    return sorted(ScriptDirectory.from_config(schema._config()).walk_revisions(), key=lambda one: one.revision)


def faults_in(script: Any) -> Faults:
    module, source = script.module, Path(script.path).read_text()
    contract = dict(getattr(module, "CONTRACT", {}))
    found = faults_of(module.STATEMENTS, getattr(module, "CONCURRENTLY", {}), contract)
    for statement, since in contract.items():
        if not since < str(script.down_revision) or since not in {one.revision for one in migrations()}:
            found.append(f"{statement}: contract steps come a release later than the last code that needs it ({since})")
    if unlisted := re.findall(r"\bop\.(?!execute\(statement\)|get_bind\(\))\w+", source):
        found.append(f"{', '.join(unlisted)}: write plain SQL in STATEMENTS, where it can be judged")
    return found


@pytest.mark.parametrize("revision", sorted(FROZEN))
def test_a_migration_that_databases_have_had_is_never_changed(revision: str) -> None:
    (script,) = [one for one in migrations() if one.revision == revision]
    digest = hashlib.sha256(Path(script.path).read_bytes()).hexdigest()
    assert digest == FROZEN[revision], "write another migration instead"


def test_all_but_the_newest_migration_are_frozen() -> None:
    assert sorted(FROZEN) == [one.revision for one in migrations()][: len(FROZEN)]
    assert len(migrations()) - len(FROZEN) <= 1, "freeze the last but one before writing another"


def test_new_migrations_only_add() -> None:
    assert {one.revision: faults_in(one) for one in migrations() if one.revision not in BEFORE_THE_RULE} == {
        one.revision: [] for one in migrations() if one.revision not in BEFORE_THE_RULE
    }


@pytest.mark.parametrize(
    "statement",
    [
        "drop table postings",
        "alter table postings drop column note",
        "alter table postings drop constraint pk_postings",
        "alter table postings rename column note to remark",
        "alter table postings alter column total type numeric",
        "alter table postings alter column note set not null",
        "alter table postings add column x text not null",
        "alter table postings add constraint ck_x check (x > 0)",
        "alter table postings add constraint fk_x foreign key (x) references y (id)",
        "alter table postings add constraint uq_x unique (x)",
        "create unique index uq_x on postings (x)",
        "create index ix_x on postings (x)",
        "update postings set note = ''",
        "delete from postings",
    ],
)
def test_what_would_hurt_running_code_is_noticed(statement: str) -> None:
    assert faults_of([statement])
    assert not faults_of([statement], contract={statement: "0001"})


@pytest.mark.parametrize(
    "statements",
    [
        ["create table news (id uuid not null)", "create unique index uq_news on news (id)"],
        ["alter table postings add column x text"],
        ["alter table postings add column x text not null default ''"],
        ["alter table postings add column x text default '' not null"],
        ["alter table postings add constraint ck_x check (x > 0) not valid"],
        ["alter table postings validate constraint ck_x"],
        ["alter table postings alter column note drop not null"],
    ],
)
def test_what_only_adds_passes(statements: list[str]) -> None:
    assert not faults_of(statements)


def test_indexes_beside_the_migration_are_built_concurrently_and_not_unique() -> None:
    assert not faults_of([], {"ix_x": "create index concurrently ix_x on postings (x)"})
    assert faults_of([], {"ix_x": "create index ix_x on postings (x)"})
    assert faults_of([], {"ix_x": "create unique index concurrently ix_x on postings (x)"})

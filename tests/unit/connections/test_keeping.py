"""Somebody has decided about every column of a company, and the page people read says the same."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, MetaData, Table, Text

from ledgerbridge.connections import keeping
from ledgerbridge.store.tables import Base
from tools import retention


def test_every_column_of_every_table_is_decided_about() -> None:
    assert keeping.undecided() == []


def test_a_new_column_and_a_new_table_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = MetaData()
    for table in Base.metadata.sorted_tables:
        table.to_metadata(tomorrow)
    tomorrow.tables["postings"].append_column(Column("spender_name", Text))
    Table("nicknames", tomorrow, Column("id", Text, primary_key=True))
    monkeypatch.setattr(keeping.Base, "metadata", tomorrow)
    assert keeping.undecided() == ["nicknames", "postings.spender_name"]


def test_the_page_says_what_the_code_does() -> None:
    page = retention.PAGE.read_text()
    assert page == retention.wanted(page), "run `python -m tools.retention`"


def test_no_secret_is_among_what_is_kept_but_the_webhook_path() -> None:
    kept = {f"{name}.{column}" for name, fate in keeping.FATES.items() for column in fate.kept}
    assert {name for name in kept if name.endswith("_sealed")} == {"subscriptions.path_token_sealed"}

"""Who uses master data: the accounting entries that name an account or a tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from pleo_sandbox.core.accounts import Account
from pleo_sandbox.core.entries import Entry
from pleo_sandbox.core.tags import Tag


def uses_account(entries: Iterable[Entry], account: Account) -> bool:
    """Whether a line of an entry names the account, by Pleo's id, the ERP's or the number."""
    for line in _lines(entries):
        named = line.get("account")
        if not isinstance(named, dict):
            continue
        code = account.details.code
        same_code = code is not None and named.get("code") == code
        if same_code or named.get("id") == account.id or named.get("identifier") == account.external_id:
            return True
    return False


def tag_counts(entries: Iterable[Entry], tags: Iterable[Tag]) -> list[dict[str, Any]]:
    """How many entries carry each tag; the shape of ``TagUsageModel``."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        counts.update({(str(tag.get("groupCode")), str(tag.get("code"))) for tag in _tags(entry)})
    return [{"id": tag.id, "count": counts[(tag.group.code, tag.code)]} for tag in tags]


def _tags(entry: Entry) -> Iterator[dict[str, Any]]:
    for line in _lines([entry]):
        for tag in line.get("tags") or ():
            if isinstance(tag, dict):
                yield tag


def _lines(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        lines = entry.payload.get("accountingEntryLines")
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, dict):
                yield line

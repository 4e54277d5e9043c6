"""Where Pleo is silent about its master data: what the sandbox does, and what it can be told to do instead.

The defaults are the choices of ``docs/pleo/rules``; each member names the alternatives it may be switched to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Choices:
    """One member for each silence; see ``docs/pleo-sandbox.md`` for the questions behind them."""

    created_status: Literal[200, 201] = 200
    page_default: int = 20
    page_cap: int = 100
    put_omitted: Literal["cleared", "kept"] = "cleared"
    external_id_case: Literal["exact", "ignored"] = "exact"

    vendor_active_by: Literal["external_id", "code"] = "external_id"
    vendor_conflict_by: Literal["external_id", "code"] = "external_id"
    vendor_event: Literal["draft", "always", "never"] = "draft"
    vendor_event_wrapped: bool = False
    vendor_search_default: Literal["all", "not_archived"] = "all"

    account_search_default: Literal["active", "all"] = "active"
    account_repeat: Literal["match", "conflict", "found"] = "match"
    account_tax_code_checked: Literal["put", "always", "never"] = "put"
    account_archived_tax_code: Literal["accepted", "refused"] = "accepted"
    tax_code_unique: bool = False
    tax_exclusive: Literal["refused", "accepted"] = "refused"

    tags_listed_default: Literal["active", "all"] = "active"
    tag_code_scope: Literal["group", "company"] = "group"
    tag_code_case: Literal["ignored", "exact"] = "ignored"
    tag_code_archived: Literal["taken", "free"] = "taken"
    tag_put_conflict: Literal["changed", "always"] = "changed"
    active_tags_per_group: int | None = None
    active_groups: int | None = None
    group_code_unique: bool = False
    group_archives_tags: bool = False
    bulk_archive: Literal["all_or_nothing", "partial"] = "all_or_nothing"
    bulk_archive_groups: Literal["many", "one"] = "many"

    def page(self, limit: int | None) -> int:
        """The size of a page for which ``limit`` was asked."""
        return min(self.page_default if limit is None else limit, self.page_cap)

"""A finance admin in front of the set-up: looks at a step, changes a few fields of its form, presses a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text

from tests.integration.web.conftest import ERP_SETTINGS, Face
from tests.support.erp_double import CODES
from tests.support.html import Page

HERE = "/settings/setup"
ACCESS = {f"settings.{name}": str(ERP_SETTINGS[name]) for name in ("base_url", "database", "api_key")}
ACCOUNTS = {
    "journal": "EXP",
    "accounts.wallet": CODES["wallet"],
    "accounts.out_of_pocket": CODES["out_of_pocket"],
    "accounts.contra": CODES["contra"],
    "accounts.external_reimbursement": CODES["external_reimbursement"],
}


@dataclass
class Walker:
    """A signed-in browser."""

    face: Face
    browser: httpx.AsyncClient
    connection: str = ""
    seen: list[str] = field(default_factory=list)
    """Every page that was shown."""

    async def at(self, step: str, status: int = 200) -> Page:
        """The page of a step."""
        answer = await self.browser.get(f"{HERE}/{step}" if step else HERE)
        assert answer.status_code == status, (step, answer.status_code, answer.text)
        self.seen.append(answer.text)
        return Page(answer.text)

    async def send(
        self, step: str, press: str = "save", *, lists: Mapping[str, Sequence[str]] | None = None, **changes: Any
    ) -> httpx.Response:
        """Open a step, change fields (`fields` by name) and press a button of its form."""
        page = await self.at(step)
        form = page.form(f"{HERE}/{step}")
        sent: dict[str, Any] = {**form.fields, **changes.get("fields", {}), "press": press, **(lists or {})}
        answer = await self.browser.post(f"{HERE}/{step}", data=sent)
        self.seen.append(answer.text)
        return answer

    async def choose(self, company: str = "1", **fields: str) -> httpx.Response:
        """Choose one of the companies that the access showed."""
        form = (await self.at("erp")).form(f"{HERE}/erp/company")
        answer = await self.browser.post(f"{HERE}/erp/company", data={**form.fields, "company": company, **fields})
        self.seen.append(answer.text)
        return answer

    async def bind(self) -> None:
        """Through the first step."""
        answer = await self.send("erp", "test", fields=ACCESS)
        assert answer.status_code == 303, answer.text
        answer = await self.choose()
        assert answer.status_code == 303, answer.text

    async def configure(self) -> None:
        """Through the other four, as they come."""
        for step in ("accounts", "posting", "dimensions", "syncs"):
            answer = await self.send(step, fields=ACCOUNTS if step == "accounts" else {})
            assert answer.status_code == 303, (step, errors_of(answer))

    async def config(self) -> dict[str, Any] | None:
        """The configuration in force, as the admin API tells."""
        answer = await self.face.admin.get(f"/admin/api/connections/{self.connection}/config")
        return dict(answer.json()) if answer.status_code == 200 else None

    async def draft(self) -> dict[str, Any]:
        """What is kept and not in force."""
        async with self.face.services.db.transaction() as session:
            found = await session.execute(
                text("select body from setup_drafts where connection_id = :connection_id"),
                {"connection_id": self.connection},
            )
            row = found.first()
        return dict(row[0]) if row else {}


def where(answer: httpx.Response) -> str:
    """The path a form sends the browser on to."""
    assert answer.status_code == 303, (answer.status_code, errors_of(answer))
    return answer.headers["location"].partition("?")[0]


def errors_of(answer: httpx.Response) -> dict[str, str]:
    """What is wrong, by the field that the list at the top leads to; faults of the form as a whole under ``""``."""
    page = Page(answer.text)
    found: dict[str, str] = {
        href.removeprefix("#f-"): words for words, href in page.links.items() if href.startswith("#f-")
    }
    if "Please check" in page.text:
        found.setdefault("", page.text)
    return found

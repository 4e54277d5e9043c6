"""A company of real size goes live: its lists arrive whole, and after that only what changed is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from ledgerbridge.demo.books import bookkeeping
from pleo_sandbox.config import DEMO_COMPANY_ID, CompanyConfig, SandboxConfig
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.http_line import HttpLine, http_line
from tests.support.site import Site
from tryton_sandbox.books import read

KINDS = ("tax_codes", "accounts", "tags", "vendors")
MODELS = {
    "tax_codes": "account.tax",
    "accounts": "account.account",
    "tags": "analytic_account.account",
    "vendors": "party.party",
}
READING = re.compile(r"^GET |^POST .*/((search|get|read)\w*|account\.move\.line/match)$")
"""Requests to Tryton that change nothing; a match of no lines asks whether there are matches."""
CALLS_A_MINUTE = 6000
"""More than Pleo allows, so that nobody waits; the sandbox refuses what is beyond."""
BELGIAN = CompanyConfig(DEMO_COMPANY_ID, "Demo BV", "EUR", "0999999922", "BE", {"EUR": "5510"})
SANDBOX = replace(SandboxConfig(), companies=(BELGIAN,), requests_per_minute=CALLS_A_MINUTE)


@dataclass
class Mirror:
    """The Belgian company, live; its Tryton is reached over a line that can be cut."""

    site: Site
    connection: str
    line: HttpLine
    first: dict[str, dict[str, Any]]
    """The first run of each kind."""

    @property
    def ours(self) -> list[Any]:
        """A clause for searches in Tryton: of the Belgian company."""
        return ["company", "=", self.site.tryton.company_id("BE")]

    def in_tryton(self) -> dict[str, dict[str, str]]:
        """Names of the active records of each kind by what identifies them, read in Tryton itself."""
        tryton, ours = self.site.tryton, self.ours

        def named(kind: str, *domain: Any) -> dict[str, str]:
            return {str(row["id"]): row["name"] for row in read(tryton, MODELS[kind], list(domain), ["name"], "BE")}

        purchase = ["OR", ["group", "=", None], ["group.kind", "in", ["purchase", "both"]]]
        companies = [row["party"] for row in read(tryton, "company.company", [], ["party"])]
        values = read(
            tryton,
            MODELS["tags"],
            [ours, ["type", "=", "normal"], ["state", "=", "opened"]],
            ["name", "code", "root.code"],
        )
        return {
            "tax_codes": named("tax_codes", ours, ["parent", "=", None], purchase),
            "accounts": named("accounts", ours, ["type", "!=", None], ["closed", "!=", True]),
            "tags": {f"{row['root']['code']} {row['code']}": row["name"] for row in values},
            "vendors": named("vendors", ["id", "not in", companies]),
        }

    def in_pleo(self) -> dict[str, dict[str, str]]:
        """The same, of the active records in Pleo."""
        found = self.site.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")
        groups = [group for group in found["tag_groups"] if not group["archived"]]
        return {
            "tax_codes": {row["code"]: row["name"] for row in found["tax_codes"] if not row["archived"]},
            "accounts": {row["externalId"]: row["name"] for row in found["accounts"] if not row["archived"]},
            "tags": {
                f"{group['code']} {tag['code']}": tag["name"]
                for group in groups
                for tag in group["tags"]
                if not tag["archived"]
            },
            "vendors": {row["externalId"]: row["name"] for row in found["vendors"] if row["state"] == "ACTIVE"},
        }

    def rename(self, kind: str, key: str, name: str) -> None:
        """A bookkeeper gives a record another name in Tryton."""
        tryton = self.site.tryton
        record = key
        if kind == "tags":
            record = read(tryton, MODELS[kind], [self.ours, ["code", "=", key.split()[1]]], ["code"])[0]["id"]
        address = f"{tryton.base_url}/{tryton.database}/rest/model/{MODELS[kind]}/{record}"
        headers = {"Authorization": f"bearer {tryton.keys['erp_admin']}"}
        httpx.put(address, json={"name": name}, headers=headers, timeout=60, trust_env=False).raise_for_status()

    def sync(self, kind: str) -> tuple[dict[str, Any], list[str]]:
        """ "Sync now": the run once it has ended, and the calls it made to Pleo that are no reads."""
        runs = f"/sync-runs?connection={self.connection}&kind={kind}&limit=1"
        before = self.site.ask("GET", runs)["data"][0]["id"]
        number = max((call.number for call in self.site.calls_after(0)), default=0)
        self.site.ask("POST", f"/connections/{self.connection}/syncs/{kind}", {})

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = self.site.ask("GET", runs)["data"][0]
            return run if run["id"] != before and run["ended_at"] else None

        run = until(f"the end of {kind}", ended, 60)
        calls = [f"{call.method} {call.path}" for call in self.site.calls_after(number)]
        return run, [call for call in calls if not call.startswith("GET") and not call.endswith(":search")]


@pytest.fixture(scope="module")
def mirror(make_site: MakeSite) -> Iterator[Mirror]:
    with (
        make_site(sandbox=SANDBOX, PLEO_REQUESTS_PER_MINUTE=str(CALLS_A_MINUTE)) as site,
        http_line(site.tryton.base_url) as line,
    ):
        site.pleo.control("PUT", "/choices", {"account_tax_code_checked": "always"})
        site.serve()
        connection = site.connect()
        settings = site.tryton.binding("BE") | {"base_url": line.url}
        site.ask("PUT", f"/connections/{connection}/erp", {"kind": "tryton", "settings": settings})
        site.ask("PUT", f"/connections/{connection}/config", bookkeeping(site.tryton.facts, "BE"))
        site.activate(connection)
        runs = site.ask("GET", f"/sync-runs?connection={connection}")["data"]
        first = {run["kind"]: run for run in runs if run["trigger"] == "activation"}
        assert set(first) == set(KINDS)
        yield Mirror(site, connection, line, first)


@pytest.mark.rule("TAG-001", "TAG-005", "TAG-006", "ACC-010", "ACC-020", "ACC-082", "TAX-053")
def test_the_first_syncs_bring_every_active_record_to_pleo_and_nothing_else(mirror: Mirror) -> None:
    tryton = mirror.in_tryton()
    assert mirror.in_pleo() == tryton
    chart = read(mirror.site.tryton, MODELS["accounts"], [mirror.ours], ["type", "closed"], "BE")
    taking_lines = [account for account in chart if account["type"] is not None]
    closed = [account for account in taking_lines if account["closed"]]
    assert (len(chart), len(taking_lines), len(closed)) == (565, 529, 105)
    sizes = {kind: len(names) for kind, names in tryton.items()}
    assert sizes == {"tax_codes": 31, "accounts": 529 - 105, "tags": 7, "vendors": 191}
    created = {kind: run["created"] for kind, run in mirror.first.items()}
    assert created == sizes | {"tags": 7 + 2}, "two dimensions are created with their values"
    left = [run for run in mirror.first.values() if run["status"] != "succeeded" or run["failed"] or run["skipped"]]
    assert left == []
    calls = {kind: run["calls"] for kind, run in mirror.first.items()}
    assert [one for one in mirror.line.asked if not READING.search(one)] == [], "a sync wrote to the ERP"
    assert (calls["accounts"], calls["vendors"]) == (3, 191 + 1), "accounts go in batches, vendors one by one"
    assert mirror.site.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/calls")["refused"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changed_sends_nothing(mirror: Mirror, kind: str) -> None:
    run, writes = mirror.sync(kind)
    assert (run["status"], writes) == ("succeeded", [])


@pytest.mark.parametrize("kind", KINDS)
def test_one_percent_changed_sends_exactly_that_many(mirror: Mirror, kind: str) -> None:
    tryton = mirror.in_tryton()[kind]
    renamed = {key: f"{tryton[key]} (renamed)" for key in sorted(tryton)[: math.ceil(len(tryton) / 100)]}
    for key, name in renamed.items():
        mirror.rename(kind, key, name)
    run, writes = mirror.sync(kind)
    assert (run["status"], len(writes)) == ("succeeded", len(renamed)), writes
    assert mirror.in_pleo()[kind] == tryton | renamed


@pytest.mark.rule("ACC-090")
@pytest.mark.parametrize(
    ("kind", "cut"),
    [
        pytest.param("vendors", "/", marks=pytest.mark.long, id="all of it, vendors"),
        pytest.param("accounts", "/model/account.account", id="in the middle of the reading, accounts"),
    ],
)
def test_an_unreachable_tryton_archives_nothing(mirror: Mirror, kind: str, cut: str) -> None:
    before = mirror.in_pleo()
    mirror.line.cut, mirror.line.struck = cut, 0
    try:
        run, writes = mirror.sync(kind)
    finally:
        mirror.line.cut = ""
    assert mirror.line.struck
    assert (run["status"], run["failure"], run["archived"], writes) == ("failed", "erp_unreachable", 0, [])
    assert mirror.in_pleo() == before


@pytest.mark.rule("ACC-090")
@pytest.mark.parametrize("kind", KINDS)
def test_a_tryton_that_shows_an_empty_list_archives_nothing(mirror: Mirror, kind: str) -> None:
    before = mirror.in_pleo()
    mirror.line.empty, mirror.line.struck = MODELS[kind], 0
    try:
        run, writes = mirror.sync(kind)
    finally:
        mirror.line.empty = ""
    assert mirror.line.struck
    assert (run["status"], run["failure"], run["archived"], writes) == ("failed", "erp_empty", 0, [])
    assert mirror.in_pleo() == before

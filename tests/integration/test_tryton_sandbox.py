"""The ERP that other tests rely on: its books are what its facts say, and it leaves nothing behind."""

import base64
import datetime as dt
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.ports import free_port
from tryton_sandbox import Template, TrytonSandboxError, TrytonServer, build, count_moves, moves
from tryton_sandbox.books import read


def today() -> dt.date:
    """As the sandbox opens and closes months; asked in the test, because a run may go over midnight."""
    return dt.date.today()  # noqa: DTZ011


def money(amount: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": amount}


def day(date: dt.date) -> dict[str, Any]:
    return {"__class__": "date", "year": date.year, "month": date.month, "day": date.day}


def post(server: TrytonServer, path: str, body: dict[str, Any], login: str = "erp_integration") -> Any:
    """A POST to the ERP as this user, working in the Danish company."""
    context = base64.urlsafe_b64encode(json.dumps({"company": server.company_id()}).encode()).decode()
    headers = {
        "Authorization": f"bearer {server.keys[login]}",
        "Content-Type": "application/json",
        "Accept-Language": "en",
        "X-Tryton-Context": context,
    }
    address = f"{server.base_url}/{server.database}/rest/model/{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        pytest.fail(f"{error.code} {error.read().decode()[:600]}")


def find(server: TrytonServer, model: str, *domain: Any, fields: list[str] | None = None) -> dict[str, Any]:
    (found,) = read(server, model, list(domain), fields or ["id"])
    return found


def account(server: TrytonServer, code: str) -> int:
    return int(find(server, "account.account", ["code", "=", code], ["company", "=", server.company_id()])["id"])


def book(server: TrytonServer, description: str, date: dt.date) -> int:
    """A taxed expense of 125.00 in both dimensions, paid from the wallet, posted."""
    facts = server.facts["companies"]["DK"]
    period = find(
        server,
        "account.period",
        ["company", "=", server.company_id()],
        ["start_date", "<=", day(date)],
        ["end_date", ">=", day(date)],
    )
    journal = find(server, "account.journal", ["code", "=", server.facts["journal"]])
    values = [facts["dimensions"]["CC"]["values"]["CC02"], facts["dimensions"]["PRJ"]["values"]["PRJ01"]]
    hundred, twenty_five, nothing = money("100.00"), money("25.00"), money("0")
    tax = facts["taxes"]["I25"]
    lines = [
        {
            "account": account(server, facts["expenses"][0]),
            "debit": hundred,
            "credit": nothing,
            "tax_lines": [["create", [{"tax": tax, "type": "base", "amount": hundred}]]],
            "analytic_lines": [
                [
                    "create",
                    [{"account": value, "debit": hundred, "credit": nothing, "date": day(date)} for value in values],
                ]
            ],
        },
        {
            "account": account(server, facts["accounts"]["input_vat"]),
            "debit": twenty_five,
            "credit": nothing,
            "tax_lines": [["create", [{"tax": tax, "type": "tax", "amount": twenty_five}]]],
        },
        {"account": account(server, facts["accounts"]["wallet"]), "debit": nothing, "credit": money("125.00")},
    ]
    body = {
        "journal": journal["id"],
        "date": day(date),
        "period": period["id"],
        "description": description,
        "lines": [["create", lines]],
    }
    move = int(post(server, "account.move", body)["id"])
    post(server, f"account.move/{move}/post", {})
    return move


def test_an_entry_posted_by_the_service_is_read_back_whole(tryton: TrytonServer) -> None:
    day = today()
    move = book(tryton, "PLEO:one", day)
    receipt = base64.b64encode(b"%PDF-1.4").decode()
    post(
        tryton,
        "ir.attachment",
        {
            "name": "receipt.pdf",
            "type": "data",
            "resource": f"account.move,{move}",
            "data": {"__class__": "bytes", "base64": receipt},
        },
    )
    facts = tryton.facts["companies"]["DK"]
    (entry,) = moves(tryton)
    assert entry["state"] == "posted"
    assert entry["number"] == f"{day.year}-000001"
    assert (entry["date"], entry["description"], entry["journal"]) == (day.isoformat(), "PLEO:one", "EXP")
    assert entry["attachments"] == ["receipt.pdf"]
    by_account = {line["account"]: line for line in entry["lines"]}
    expense, vat = by_account[facts["expenses"][0]], by_account[facts["accounts"]["input_vat"]]
    assert expense["debit"] == Decimal("100.00")
    assert sorted(each["account"] for each in expense["analytic"]) == ["CC02", "PRJ01"]
    assert expense["analytic_state"] == "valid"
    assert vat["tax_lines"] == [{"tax": facts["taxes"]["I25"], "type": "tax", "amount": Decimal("25.00")}]
    assert by_account[facts["accounts"]["wallet"]]["credit"] == Decimal("125.00")
    assert sum(line["debit"] - line["credit"] for line in entry["lines"]) == 0


def test_entries_are_counted_by_description_and_company(tryton: TrytonServer) -> None:
    assert count_moves(tryton) == 0
    book(tryton, "PLEO:one", today())
    book(tryton, "SOMEBODY:else", today())
    assert count_moves(tryton) == 1
    assert count_moves(tryton, like="PLEO:on_") == 1
    assert count_moves(tryton, like="%") == 2
    assert count_moves(tryton, company="BE") == 0


@pytest.mark.long
def test_each_test_has_books_of_its_own(tryton: TrytonServer, tryton_template: Template) -> None:
    book(tryton, "PLEO:one", today())
    other = tryton.open_database(tryton_template.clone())
    assert count_moves(other) == 0
    tryton_template.drop(other.database)
    assert count_moves(tryton) == 1


def test_the_accounts_of_the_facts_take_what_they_are_for(tryton_server: TrytonServer) -> None:
    fields = ["code", "party_required", "closed", "type.statement", "type.expense", "type.payable"]
    for key, facts in tryton_server.facts["companies"].items():
        rows = read(tryton_server, "account.account", [["company", "=", facts["id"]]], fields)
        chart = {row["code"]: row for row in rows}
        by_use = facts["accounts"]
        for use in ("wallet", "out_of_pocket", "contra", "external_reimbursement", "input_vat", "output_vat"):
            row = chart[by_use[use]]
            assert (row["party_required"], row["closed"]) == (False, False), (key, use)
            assert row["type"]["statement"] == "balance", (key, use)
        assert len({by_use[use] for use in ("wallet", "out_of_pocket", "external_reimbursement")}) == 3
        for use, party_required in (("payable", True), ("payable_without_party", False)):
            row = chart[by_use[use]]
            assert (row["type"]["payable"], row["party_required"], row["closed"]) == (True, party_required, False)
        for code in facts["expenses"]:
            row = chart[code]
            assert (row["type"]["statement"], row["type"]["expense"]) == ("income", True), (key, code)
            assert (row["party_required"], row["closed"]) == (False, False), (key, code)
    assert chart_row(tryton_server, "closed")["closed"] is True


def chart_row(server: TrytonServer, use: str) -> dict[str, Any]:
    code = server.facts["companies"]["DK"]["accounts"][use]
    company = ["company", "=", server.company_id()]
    return find(server, "account.account", ["code", "=", code], company, fields=["closed"])


def test_companies_carry_the_registration_number_that_gets_pinned(tryton_server: TrytonServer) -> None:
    fields = ["party.name", "currency.code", "party.tax_identifier.code"]
    rows = {row["id"]: row for row in read(tryton_server, "company.company", [], fields)}
    for facts in tryton_server.facts["companies"].values():
        row = rows[facts["id"]]
        assert (row["party"]["name"], row["currency"]["code"]) == (facts["name"], facts["currency"])
        assert row["party"]["tax_identifier"]["code"] == facts["registration_number"]
    assert tryton_server.company_id("DK") == 1
    assert tryton_server.company_id("BE") == 2


def test_months_are_open_or_closed_as_told(tryton_server: TrytonServer) -> None:
    company = ["company", "=", tryton_server.company_id()]
    rows = read(tryton_server, "account.period", [company], ["state", "start_date"])
    states = {row["start_date"][:7]: row["state"] for row in rows}
    told = tryton_server.facts["months"]
    assert (states[told["locked"]], states[told["closed"]], states[told["open"]]) == ("locked", "closed", "open")
    assert min(month for month, state in states.items() if state == "open") == told["first_open"]
    assert states[f"{today():%Y-%m}"] == "open"
    assert {state for month, state in states.items() if month > told["first_open"]} == {"open"}
    assert max(states) == f"{today().year + 1}-12"


def test_reverse_charge_owes_and_deducts_the_same(tryton_server: TrytonServer) -> None:
    fields = ["name", "type", "rate", "childs.rate", "childs.invoice_account.code", "childs.credit_note_account.code"]
    facts = tryton_server.facts["companies"]["DK"]
    rows = {row["id"]: row for row in read(tryton_server, "account.tax", [["parent", "=", None]], fields)}
    reverse = rows[facts["taxes"]["RC25"]]
    deducted, owed = facts["accounts"]["input_vat"], facts["accounts"]["output_vat"]
    assert reverse["type"] == "none"
    children = {child["rate"]: child for child in reverse["childs"]}
    assert set(children) == {Decimal("0.25"), Decimal("-0.25")}
    for rate, code in ((Decimal("0.25"), deducted), (Decimal("-0.25"), owed)):
        assert children[rate]["invoice_account"]["code"] == code
        assert children[rate]["credit_note_account"]["code"] == code
    standard = rows[facts["taxes"]["I25"]]
    assert (standard["type"], standard["rate"], standard["childs"]) == ("percentage", Decimal("0.25"), [])
    assert rows[facts["taxes"]["I0"]]["rate"] == 0
    assert set(tryton_server.facts["companies"]["BE"]["taxes"].values()) < set(rows)


def test_a_built_template_is_found_again_and_not_built(tryton_template: Template, postgres: EmbeddedPostgres) -> None:
    said: list[str] = []
    again = build(tryton_template.cache_dir, postgres.url("whatever"), said.append)
    assert (again.name, again.facts) == (tryton_template.name, tryton_template.facts)
    assert [line for line in said if "waiting" not in line] == []


def test_sweeping_drops_the_clones_of_dead_processes_only(
    tryton_template: Template, postgres: EmbeddedPostgres
) -> None:
    ours = tryton_template.clone()
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    orphan = f"tryton_clone_{int(gone.stdout)}_00c0ffee"
    postgres.create_database(orphan)
    tryton_template.sweep()
    with psycopg.connect(postgres.url()) as connection:
        left = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert ours in left
    assert orphan not in left
    tryton_template.drop(ours)


@pytest.mark.long
def test_the_server_comes_back_on_its_port_after_an_outage(tryton_template: Template) -> None:
    database = tryton_template.clone()
    with tryton_template.start(database, free_port()) as first:
        book(first, "PLEO:kept", today())
    with pytest.raises(urllib.error.URLError):
        count_moves(first)
    with tryton_template.start(database, port=first.port) as second:
        assert second.base_url == first.base_url
        assert count_moves(second) == 1
    tryton_template.drop(database)


@pytest.mark.long
def test_the_server_dies_with_whoever_started_it(tryton_template: Template, postgres: EmbeddedPostgres) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tryton_sandbox import build\n"
        "template = build(Path(sys.argv[1]), sys.argv[2])\n"
        "server = template.start(template.clone())\n"
        "print(server.process.pid, server.database, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(tryton_template.cache_dir), postgres.url()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == -9, done.stderr
    pid, database = done.stdout.split()
    deadline = time.monotonic() + 60
    while _runs(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(int(pid))
    tryton_template.drop(database)


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie that nobody has buried yet."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # gone between the two looks, or there is no /proc here
        return not Path("/proc/self/stat").exists()


def test_a_server_that_cannot_start_shows_its_log(tryton_template: Template, tryton_server: TrytonServer) -> None:
    with pytest.raises(TrytonSandboxError, match="Address already in use"):
        tryton_template.start(tryton_server.database, port=tryton_server.port)


@pytest.mark.long
def test_the_command_serves_fresh_books_until_its_input_ends(
    tryton_template: Template, postgres: EmbeddedPostgres
) -> None:
    command = [sys.executable, "-m", "tryton_sandbox", "serve", "--postgres", postgres.url()]
    pipe = subprocess.PIPE
    command += ["--cache", str(tryton_template.cache_dir)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as served:
        assert served.stdout is not None
        told = json.loads(served.stdout.readline())
        address = f"{told['base_url']}/{told['database']}/rest/model/company.company"
        bearer = {"Authorization": f"bearer {told['facts']['keys']['erp_integration']}"}
        with urllib.request.urlopen(urllib.request.Request(address, headers=bearer), timeout=30) as answer:
            assert len(json.load(answer)) == 2
        served.communicate("", timeout=30)
    assert served.returncode == 0
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT FROM pg_database WHERE datname = %s", [told["database"]]).rowcount == 0


def test_the_command_asks_for_a_cluster(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tryton_sandbox", "build", "--cache", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--postgres URL or TRYTON_POSTGRES_URL" in done.stderr
    assert list(tmp_path.iterdir()) == []

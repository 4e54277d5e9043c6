"""The address of an ERP is entered by a person: it may lead to an ERP, and not into our own network."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest

from ledgerbridge.app import running
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.connections import access
from ledgerbridge.connections.erp_binding import bind
from ledgerbridge.connections.errors import BindingRefused
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import TrytonAdapter, client
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.outgoing.addresses import PUBLIC, Reach, reach
from ledgerbridge.pleo.downloads import DownloadFailed
from ledgerbridge.store.tables import Connection
from tests.integration.outgoing.conftest import Internet, Open, saying, trickling
from tests.integration.web.conftest import settings_for

KEY = "the-key-of-the-erp"
ERP, ELSEWHERE = "93.184.216.34", "151.101.1.1"
INSIDE = ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "fd00::7", "100.100.100.200", "::ffff:192.168.0.1"]


def binding(base_url: str) -> dict[str, Any]:
    return {"base_url": base_url, "database": "books", "api_key": KEY, "company": 1}


async def company(internet: Internet | None, base_url: str, reach: Reach = PUBLIC) -> Any:
    transport = None if internet is None else (lambda: internet.transport(reach))
    adapter = TrytonAdapter(reach=reach, patience=Patience(tries=1), transport=transport)
    async with adapter.open(adapter.check_settings(binding(base_url))) as erp:
        return await erp.company()


async def failed(internet: Internet | None, base_url: str, reach: Reach = PUBLIC) -> ErpError:
    with pytest.raises(ErpError) as caught:
        await company(internet, base_url, reach)
    assert KEY not in f"{caught.value} {caught.value.problem}"
    return caught.value


async def test_an_erp_on_the_internet_is_called_by_its_name(internet: Internet, serve: Open) -> None:
    erp = await serve(ERP, saying(body=b"[]", Content_Type="application/json"))
    internet.names = {"erp.example": [[ERP]]}
    assert (await failed(internet, "https://ERP.example.:443/tryton")).problem.failure is Failure.ERP_COMPANY_UNKNOWN
    assert erp.named == ["erp.example"]
    assert erp.heads[0].startswith("GET /tryton/books/rest/model/company.company?")
    assert f"Authorization: bearer {KEY}\r\n" in erp.heads[0]


@pytest.mark.parametrize("inside", INSIDE)
async def test_a_name_that_leads_inside_is_refused_in_words_and_gets_no_key(internet: Internet, inside: str) -> None:
    internet.names = {"erp.example": [[inside]]}
    error = await failed(internet, "https://erp.example")
    assert error.problem.failure is Failure.ERP_ADDRESS_REFUSED
    assert not error.outcome_unknown
    assert "erp.example leads" in error.problem.text
    assert "ask support to allow this one" in error.problem.text
    assert internet.called == []


@pytest.mark.parametrize(
    "written", ["https://10.0.0.7", "https://127.0.0.1", "http://localhost:8000", "https://[::1]:8443"]
)
async def test_an_address_that_is_inside_is_refused_likewise(written: str) -> None:
    assert (await failed(None, written)).problem.failure is Failure.ERP_ADDRESS_REFUSED


async def test_an_erp_in_a_listed_private_network_is_called_and_nothing_beside_it(
    internet: Internet, serve: Open
) -> None:
    await serve("10.20.0.5", saying(body=b"[]", Content_Type="application/json"))
    listed = reach(["10.20.0.0/24"])
    answers = {"erp.example": "10.20.0.5", "files.example": "10.20.1.5", "cdn.example": "169.254.169.254"}
    internet.names = {name: [[address]] for name, address in answers.items()}
    assert (await failed(internet, "https://erp.example", listed)).problem.failure is Failure.ERP_COMPANY_UNKNOWN
    for host in ("files.example", "cdn.example"):
        assert (await failed(internet, f"https://{host}", listed)).problem.failure is Failure.ERP_ADDRESS_REFUSED
    assert internet.called == ["10.20.0.5"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_the_key_nowhere(internet: Internet, serve: Open, status: int) -> None:
    await serve(ERP, saying(status, Location="https://cdn.example/"))
    elsewhere = await serve(ELSEWHERE)
    internet.names = {"erp.example": [[ERP]], "cdn.example": [[ELSEWHERE]]}
    assert (await failed(internet, "https://erp.example")).problem.failure is Failure.ERP_UNREACHABLE
    assert elsewhere.connections == 0


async def test_a_name_bound_anew_after_the_check_gets_no_second_connection(internet: Internet, serve: Open) -> None:
    erp = await serve(ERP, saying(body=b"[]", Content_Type="application/json", Connection="close"))
    internet.names = {"erp.example": [[ERP], ["127.0.0.1"]]}
    adapter = TrytonAdapter(patience=Patience(tries=1), transport=internet.transport)
    async with adapter.open(binding("https://erp.example")) as opened:
        for expected in (Failure.ERP_COMPANY_UNKNOWN, Failure.ERP_ADDRESS_REFUSED):
            with pytest.raises(ErpError) as caught:
                await opened.company()
            assert caught.value.problem.failure is expected
    assert (erp.connections, internet.called) == (1, [ERP])


async def test_an_answer_that_unpacks_without_end_is_left(
    internet: Internet, serve: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_LARGEST_ANSWER", 1_000_000)
    bomb = gzip.compress(json.dumps(["x" * 8_000_000]).encode())
    await serve(ERP, saying(body=bomb, Content_Type="application/json", Content_Encoding="gzip"))
    internet.names = {"erp.example": [[ERP]]}
    error = await failed(internet, "https://erp.example")
    assert "too long" in error.problem.internal


async def test_a_trickle_ends_as_a_timeout(internet: Internet, serve: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LONGEST_CALL", 0.3)
    await serve(ERP, trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "))
    internet.names = {"erp.example": [[ERP]]}
    assert (await failed(internet, "https://erp.example")).problem.failure is Failure.ERP_TIMEOUT


async def test_the_key_goes_through_no_proxy_of_the_machine(serve: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    trap, erp = await serve(None), await serve(None, saying(body=b"[]", Content_Type="application/json"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    await failed(None, f"http://127.0.0.1:{erp.port}", Reach(local=True))
    assert (trap.connections, erp.connections) == (0, 1)


async def test_beside_the_real_pleo_this_machine_is_closed_to_receipts_and_erps(database_url: str, serve: Open) -> None:
    trap = await serve(None)
    staging = settings_for(
        database_url, "", pleo_auth_url="https://auth.staging.pleo.io", pleo_api_url="https://external.staging.pleo.io"
    )
    async with running(staging, worker=False) as services:
        async with services.connections.erps["tryton"].open(binding(f"http://localhost:{trap.port}")) as erp:
            with pytest.raises(ErpError, match="this machine"):
                await erp.company()
        with pytest.raises(DownloadFailed, match="this machine"):
            await services.exports.downloads.fetch("https://localhost/1.pdf")
        assert not services.connections.http.trust_env
    assert trap.connections == 0


async def test_beside_a_sandbox_on_this_machine_it_is_open(database_url: str, serve: Open) -> None:
    door = await serve(None, saying(body=b"[]", Content_Type="application/json"))
    async with running(settings_for(database_url, "http://127.0.0.1:1"), worker=False) as services:
        async with services.connections.erps["tryton"].open(binding(f"http://localhost:{door.port}")) as erp:
            with pytest.raises(ErpError, match="no such company"):
                await erp.company()
        found = await services.exports.downloads.fetch(f"http://localhost:{door.port}/1.pdf")
    with found.file:
        assert found.file.whole() == b"[]"


async def test_binding_such_an_address_is_refused_in_words_and_changes_nothing(database_url: str) -> None:
    connection = uuid.uuid4()
    async with running(settings_for(database_url, "http://127.0.0.1:1"), worker=False) as services:
        room = services.connections
        async with room.db.transaction() as session:
            session.add(
                Connection(
                    id=connection, environment=room.environment, company_id=str(uuid.uuid4()), auth_method="oauth",
                    subject_urn="urn:pleo:company:x",
                )
            )  # fmt: skip
        with pytest.raises(BindingRefused) as caught:
            await bind(room, connection, "tryton", binding("https://10.0.0.7:8000"), "admin:test")
        bound = (await access.load(room, connection)).binding
    assert caught.value.code == "erp_address_refused"
    assert "10.0.0.7 leads into a private network" in str(caught.value)
    assert "Nothing was changed." in str(caught.value)
    assert bound is None

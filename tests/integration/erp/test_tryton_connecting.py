"""What a finance admin meets who connects a real Tryton: which companies the key shows, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp import conformance
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.outgoing.addresses import Reach
from tests.support.tryton_bench import TrytonBench


class TestConnecting(conformance.Connecting):
    pass


async def companies(bench: TrytonBench, **changes: str) -> list[tuple[str, str | None, str]]:
    settings = {name: value for name, value in bench.settings.items() if name != "company"} | changes
    found = await bench.adapter.companies(settings)
    return [(one.name, one.registration_number, one.currency) for one in found]


async def test_a_key_of_several_companies_shows_them_all_and_a_key_of_one_only_that(bench: TrytonBench) -> None:
    both = await companies(bench)
    assert {currency for _, _, currency in both} == {"EUR", "DKK"}
    assert bench.facts.name in {name for name, _, _ in both}
    (only,) = await companies(bench, api_key=bench.at.keys["erp_be_only"])
    assert only in both
    assert only[0] != bench.facts.name


async def test_a_missing_right_is_named_with_its_remedy(bench: TrytonBench) -> None:
    with pytest.raises(SettingsError) as caught:
        await companies(bench, api_key=bench.at.keys["erp_nogroups"])
    assert "may not create journal entries" in caught.value.errors["api_key"]
    assert "group Accounting" in caught.value.errors["api_key"]


@pytest.fixture
def shop() -> Iterator[tuple[str, list[str | None]]]:
    """Some other site; its address, and the keys that were sent to its root."""
    keys: list[str | None] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(404)

        def do_POST(self) -> None:
            if self.path == "/rpc/":
                keys.append(self.headers.get("Authorization"))
            self._say(200 if self.path == "/rpc/" else 404)

        def _say(self, status: int) -> None:
            body = b"<p>Buy shoes</p>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", keys
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_site_that_is_no_tryton_is_told_from_a_wrong_database(
    bench: TrytonBench, shop: tuple[str, list[str | None]]
) -> None:
    address, keys = shop
    with pytest.raises(SettingsError) as caught:
        await companies(bench, base_url=address)
    assert list(caught.value.errors) == ["base_url"]
    assert "not Tryton" in caught.value.errors["base_url"]
    assert keys == [None], "whether it is a Tryton is asked without the key"


async def test_a_tryton_that_has_no_such_database_says_so(bench: TrytonBench) -> None:
    with pytest.raises(SettingsError) as caught:
        await companies(bench, database="nosuch")
    assert caught.value.errors == {"database": "This Tryton has no database nosuch."}


async def test_no_address_inside_our_network_is_called(bench: TrytonBench) -> None:
    with pytest.raises(ErpError) as caught:
        await TrytonAdapter(reach=Reach()).companies(bench.settings | {"base_url": "https://10.0.0.1"})
    assert caught.value.problem.failure is Failure.ERP_ADDRESS_REFUSED

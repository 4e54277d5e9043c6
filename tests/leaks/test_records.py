"""No record of ours shows its secret: not printed, not formatted, not pickled away, not in the words of an error."""

from __future__ import annotations

import io
import logging
import pickle
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ledgerbridge.connections.sessions import SignedIn
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.erp.tryton.settings import Settings as TrytonSettings
from ledgerbridge.ops.logging import configure
from ledgerbridge.pleo import wire
from ledgerbridge.pleo.downloads import Downloader
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.oauth import OAuthClient
from ledgerbridge.pleo.tokens import TokenAnswer
from ledgerbridge.pleo.transport import Call
from ledgerbridge.redaction import redact
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.store.vault import Vault
from ledgerbridge.web.admin.models import BindErp, NewConnection
from ledgerbridge.web.mailboxes import Mailbox
from tests.support.canaries import canary, canary_key, found_in
from tests.support.leak_watch import keep_logging
from tests.unit.pleo.conftest import PRODUCTION, FakeCredential, Stage

pytestmark = pytest.mark.rule("AUTH-045")
SECRET = canary("secret of a record")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _settings() -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(f"postgresql://user:{SECRET}@host/db"),
        pleo_client_secret=SecretStr(SECRET),
        encryption_keys=SecretStr(canary_key()),
        admin_tokens=SecretStr(SECRET),
    )


RECORDS: dict[str, Callable[[], Any]] = {
    "settings": _settings,
    "vault": lambda: Vault(_settings().keys),
    "token pair": lambda: TokenAnswer(SECRET, SECRET, 900, NOW),
    "mailbox": lambda: Mailbox(uuid.uuid4(), "c", ended=False, sealed=SECRET.encode()),
    "session": lambda: SignedIn(token=SECRET, expires_at=NOW),
    "Tryton settings": lambda: TrytonSettings("https://x", "b", SECRET, 1),
    "call": lambda: Call("x", "POST", "/v1", body={"apiKey": SECRET}),
    "answer": lambda: wire.Answer(200, httpx.Headers({"set-cookie": SECRET}), SECRET.encode()),
    "OAuth client": lambda: OAuthClient(Stage().http, PRODUCTION, "id", SECRET),
    "database": lambda: Database(f"postgresql://user:{SECRET}@host/db"),
    "engine": lambda: Database(f"postgresql://user:{SECRET}@host/db").engine,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_with_a_secret_does_not_print_it(name: str) -> None:
    record = RECORDS[name]()
    assert not found_in(f"{record} {record!r} {record:}")
    assert not found_in(str(redact({"it": record})))


@pytest.mark.parametrize("model", [NewConnection, BindErp])
def test_a_refused_request_does_not_repeat_what_was_entered(model: type[Any]) -> None:
    wrong = {"api_key": [SECRET], "kind": {"x": SECRET}, "settings": SECRET, SECRET: 1}
    with pytest.raises(ValueError) as caught:
        model.model_validate(wrong)
    told = [(error["type"], error["msg"]) for error in caught.value.errors()]  # type: ignore[attr-defined]
    assert not found_in(str(told))


def test_settings_of_a_tryton_are_refused_without_their_key() -> None:
    with pytest.raises(ValueError) as caught:
        TrytonAdapter().check_settings(
            {"base_url": f"https://u:{SECRET}@x", "api_key": f"{SECRET} x", "company": SECRET}
        )
    assert not found_in(f"{caught.value} {caught.value!r} {''.join(traceback.format_exception(caught.value))}")


async def test_an_error_of_a_call_keeps_no_request_in_its_chain() -> None:
    """httpx's errors hold the request with its header; ours are raised apart from them."""
    stage = Stage(credential=FakeCredential(f"Bearer {SECRET}"), in_contract=False)
    stage.answers(*[httpx.ReadError(f"lost {SECRET}", request=httpx.Request("GET", "https://x"))] * 6)
    with pytest.raises(PleoError) as caught:
        await stage.client.send(Call("introspect", "GET", "/v1/introspect"))
    chain: BaseException | None = caught.value
    while chain is not None:
        assert not isinstance(chain, httpx.HTTPError)
        assert not found_in(f"{chain} {chain!r} {vars(chain)}")
        chain = chain.__cause__ or chain.__context__
    assert not found_in("".join(traceback.format_exception(caught.value)))


def test_an_error_put_into_a_pickle_takes_no_secret_along() -> None:
    error = PleoError("introspect", status=401, detail="the stored credential cannot be sent in a header")
    assert not found_in(pickle.dumps(error.args).decode("latin-1"))


@pytest.mark.parametrize(
    "link", [f"https://files.example/files/{SECRET}", f"https://files.example/files/a?sig={SECRET}#{SECRET}"]
)
async def test_the_link_to_a_receipt_is_in_no_log_line_even_at_debug(link: str) -> None:
    """Nor is where it redirects to, which a library below httpx tells with all other headers."""
    restore, stream = keep_logging(), io.StringIO()
    configure("DEBUG", "json", stream)
    try:
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as http:
            await Downloader(http).fetch(link)
        logging.getLogger("httpcore.http11").debug("headers (b'Location', b'%s')", link)
    finally:
        restore()
    assert "HTTP Request: GET https://files.example/" in stream.getvalue()
    assert not found_in(stream.getvalue())

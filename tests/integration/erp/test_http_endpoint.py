"""The checks a partner runs with address and secret alone: both examples pass, and a careless server fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.http_target import minimal
from examples.http_target.ledger import Ledger

from ledgerbridge.erp.http_target.checks import (  # noqa: F401 - the checks are tests
    TestFiles,
    TestLists,
    TestMoney,
    TestSignatures,
    endpoint,
)
from ledgerbridge.erp.http_target.settings import Access, access
from tests.support.http_target import SECRET, running


@pytest.fixture(scope="module", params=["reference", "minimal"])
def base_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "reference":
        with running(tmp_path_factory.mktemp("books")) as (_, url):
            yield url
        return
    server = minimal.serving(SECRET, 0)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def access_to_endpoint(base_url: str) -> Access:
    return access({"base_url": base_url, "secret": SECRET})


@pytest.mark.rule("EXP-IDEM-02")
def test_a_server_that_books_whatever_comes_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a partner runs it, against one that forgets to look for the key."""
    monkeypatch.setattr(Ledger, "_standing", lambda self, document: None)
    with running(tmp_path) as (books, url):
        books.ledger.db.execute("DROP INDEX one_in_force")
        command = [sys.executable, "-m", "pytest", "-o", "asyncio_mode=auto", "-q", "-p", "no:cacheprovider"]
        command += ["--pyargs", "ledgerbridge.erp.http_target.checks"]
        place = os.environ | {"HTTP_TARGET_URL": url, "HTTP_TARGET_SECRET": SECRET}
        ran = subprocess.run(command, env=place, cwd=tmp_path, capture_output=True, text=True, check=False)
    failed = {
        line.rpartition("::")[2].partition(" ")[0] for line in ran.stdout.splitlines() if line.startswith("FAILED")
    }
    # Whether a reply that is not waited for has left before is a matter of luck.
    assert failed - {"test_after_a_lost_reply_the_probe_tells_the_truth"} == {
        "test_what_is_sent_twice_is_booked_once",
        "test_what_is_sent_several_times_at_once_is_booked_once",
        "test_another_amount_under_the_key_is_refused",
        "test_a_draft_is_made_final_and_stays_the_same_document",
    }, ran.stdout[-3000:]

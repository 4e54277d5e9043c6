"""Receipts: fetched with nothing of ours, and with caps."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from ledgerbridge.pleo.downloads import MAX_TRIES, Downloader, DownloadFailed, LinkExpired, TooLarge

LINK = "https://files.example/receipt/1.pdf?sig=the-key"


@pytest.fixture(autouse=True)
def _files_are_no_pleo_api(stage) -> None:
    stage.in_contract = False


def downloader(stage, sample, **options: Any) -> Downloader:
    http = httpx.AsyncClient(
        transport=httpx.MockTransport(stage.handle), headers={"Authorization": "Bearer leaked"}, auth=("a", "b")
    )
    return Downloader(http, sleep=stage.sleep, now=lambda: sample.now, **options)


def pdf(**options: Any) -> httpx.Response:
    return httpx.Response(200, content=b"%PDF-", headers={"Content-Type": "Application/PDF; charset=x"}, **options)


async def test_the_bytes_and_the_type_come_as_they_are(stage, sample) -> None:
    stage.answers(pdf(), httpx.Response(200, content=b""))
    files = downloader(stage, sample)
    first, second = await files.fetch(LINK), await files.fetch(LINK)
    assert (first.file.whole(), first.content_type) == (b"%PDF-", "application/pdf")
    assert (second.file.whole(), second.content_type) == (b"", None)
    assert str(stage.requests[0].url) == LINK


@pytest.mark.rule("AUTH-045")
async def test_no_credential_goes_along_not_even_over_redirects(stage, sample) -> None:
    stage.answers(
        httpx.Response(302, headers={"Location": "https://cdn.example/2", "Set-Cookie": "a=b"}),
        httpx.Response(307, headers={"Location": "/3"}),
        pdf(),
    )
    await downloader(stage, sample).fetch(LINK)
    assert [str(request.url) for request in stage.requests[1:]] == ["https://cdn.example/2", "https://cdn.example/3"]
    for request in stage.requests:
        assert not {"authorization", "cookie", "referer"} & set(request.headers)


@pytest.mark.parametrize("location", [None, "http://files.example/plain", "ftp://x/y"])
async def test_a_redirect_that_must_not_be_followed(stage, sample, location) -> None:
    stage.answers(httpx.Response(302, headers={"Location": location} if location else {}))
    with pytest.raises(DownloadFailed):
        await downloader(stage, sample).fetch(LINK)


async def test_a_ring_of_redirects_ends(stage, sample) -> None:
    stage.answers(*(httpx.Response(302, headers={"Location": LINK}) for _ in range(4)))
    with pytest.raises(DownloadFailed, match="too many redirects"):
        await downloader(stage, sample).fetch(LINK)


@pytest.mark.rule("AUTH-003")
@pytest.mark.parametrize(
    "link",
    [
        "http://files.example/1",
        "file:///etc/passwd",
        "",
        "https://",
        "http://localhost:5432/",
        "https://127.0.0.1/",
        "http://[::1]/",
        "https://10.0.0.7/",
        "https://169.254.169.254/latest",
        "https://[bad",
        "https://files.example:port/",
    ],
)
async def test_links_into_our_own_network_or_without_tls_are_refused(stage, sample, link) -> None:
    with pytest.raises(DownloadFailed):
        await downloader(stage, sample).fetch(link)
    assert stage.requests == []


async def test_a_link_to_this_machine_works_for_the_sandbox_only(stage, sample) -> None:
    stage.answers(pdf())
    assert (await downloader(stage, sample, local_allowed=True).fetch("http://127.0.0.1:9000/f/1")).file.size


@pytest.mark.rule("EXP-ATT-08")
@pytest.mark.parametrize(
    "fault", [500, 503, 429, 408, httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]
)
async def test_a_transient_failure_is_tried_again(stage, sample, fault) -> None:
    stage.answers(httpx.Response(fault) if isinstance(fault, int) else fault, pdf())
    assert (await downloader(stage, sample).fetch(LINK)).file.whole() == b"%PDF-"
    assert len(stage.slept) == 1


@pytest.mark.rule("EXP-ATT-08")
async def test_and_given_up_with_an_error(stage, sample) -> None:
    stage.answers(*(httpx.Response(503) for _ in range(MAX_TRIES)))
    with pytest.raises(DownloadFailed) as caught:
        await downloader(stage, sample).fetch(LINK)
    assert caught.value.status == 503
    assert not isinstance(caught.value, LinkExpired | TooLarge)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_dead_link_says_so_at_once(stage, sample, status) -> None:
    stage.answers(httpx.Response(status))
    with pytest.raises(LinkExpired):
        await downloader(stage, sample).fetch(LINK)


async def test_another_refusal_is_not_tried_again(stage, sample) -> None:
    stage.answers(httpx.Response(418))
    with pytest.raises(DownloadFailed) as caught:
        await downloader(stage, sample).fetch(LINK)
    assert (type(caught.value), caught.value.status) == (DownloadFailed, 418)


@pytest.mark.rule("EXP-ATT-13")
async def test_a_file_of_30_mb_is_taken_and_one_byte_more_is_not(stage, sample) -> None:
    size = 30 * 1024 * 1024
    stage.answers(httpx.Response(200, content=bytes(size)), httpx.Response(200, content=bytes(size + 1)))
    files = downloader(stage, sample)
    assert (await files.fetch(LINK)).file.size == size
    with pytest.raises(TooLarge) as caught:
        await files.fetch(LINK)
    assert caught.value.limit == size


async def test_the_cap_can_be_lower(stage, sample) -> None:
    stage.answers(httpx.Response(200, content=b"12345"))
    with pytest.raises(TooLarge):
        await downloader(stage, sample, max_bytes=4).fetch(LINK)


@pytest.mark.rule("AUTH-045")
async def test_the_key_in_a_link_is_in_no_error_and_no_log(stage, sample, caplog) -> None:
    for name in (None, "httpx", "httpcore"):  # our own logging may have turned these down before
        caplog.set_level(logging.DEBUG, name)
    stage.answers(*(httpx.ReadTimeout(LINK) for _ in range(MAX_TRIES)), httpx.Response(404), pdf())
    files = downloader(stage, sample)
    for _ in range(2):
        with pytest.raises(DownloadFailed) as caught:
            await files.fetch(LINK)
        assert "the-key" not in f"{caught.value!s}{caught.value!r}"
        assert caught.value.__context__ is None
    await files.fetch(LINK)
    assert "HTTP Request" in caplog.text
    assert "the-key" not in caplog.text

"""Receipts are fetched from the internet and from nowhere else, whatever a link, a name or a redirect says."""

from __future__ import annotations

import asyncio
import gzip
import socket

import httpx
import pytest

from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.clients import checked_client
from ledgerbridge.pleo.downloads import Downloader, DownloadFailed, TooLarge, files_client
from tests.integration.outgoing.conftest import Internet, Open, saying, trickling

FILES, CDN = "93.184.216.34", "151.101.1.1"
INSIDE = ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "fd00::7", "::ffff:10.0.0.7"]


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


def downloader(internet: Internet, reach: Reach = PUBLIC, **options: float) -> Downloader:
    return Downloader(checked_client(reach, transport=internet.transport(reach)), sleep=no_wait, **options)  # type: ignore[arg-type]


@pytest.mark.rule("EXP-ATT-01")
async def test_a_receipt_comes_over_tls_for_the_name_in_its_link(internet: Internet, serve: Open) -> None:
    files = await serve(FILES, saying(body=b"%PDF-1.7", content_type="application/pdf"))
    internet.names = {"files.example": [[FILES]]}
    found = await downloader(internet).fetch("https://files.example/1.pdf?sig=key")
    assert (found.file.whole(), found.content_type) == (b"%PDF-1.7", "application/pdf")
    assert files.named == ["files.example"]
    assert "Host: files.example\r\n" in files.heads[0]
    assert internet.called == [FILES]


@pytest.mark.parametrize("inside", INSIDE)
async def test_a_link_whose_name_leads_inside_is_refused_without_a_connection(internet: Internet, inside: str) -> None:
    internet.names = {"files.example": [[inside]]}
    with pytest.raises(DownloadFailed, match="the link leads"):
        await downloader(internet).fetch("https://files.example/1.pdf")
    assert internet.called == []


@pytest.mark.parametrize("inside", INSIDE)
async def test_a_redirect_to_a_name_that_leads_inside_is_refused(internet: Internet, serve: Open, inside: str) -> None:
    await serve(FILES, saying(302, Location="https://cdn.example/latest/meta-data"))
    internet.names = {"files.example": [[FILES]], "cdn.example": [[inside]]}
    with pytest.raises(DownloadFailed, match="the link leads"):
        await downloader(internet).fetch("https://files.example/1.pdf")
    assert internet.called == [FILES]


@pytest.mark.parametrize(
    "target",
    ["https://127.0.0.1/", "https://[::1]/", "http://cdn.example/", "https://cdn.example:22/", "//localhost/", "file:///etc/passwd",
     "https://a:b@cdn.example/", "https://0x7f.1/", "https://[bad/", "gopher://cdn.example/"],
)  # fmt: skip
async def test_every_hop_is_held_to_the_same_rules(internet: Internet, serve: Open, target: str) -> None:
    await serve(FILES, saying(302, Location=target))
    internet.names = {"files.example": [[FILES]], "cdn.example": [[FILES]]}
    with pytest.raises(DownloadFailed):
        await downloader(internet).fetch("https://files.example/1.pdf")
    assert internet.called == [FILES]


async def test_a_name_that_is_bound_anew_between_hops_is_refused(internet: Internet, serve: Open) -> None:
    # The connection is closed, so that the second hop must make another.
    await serve(FILES, saying(302, Location="/2", Connection="close"))
    internet.names = {"files.example": [[FILES], ["127.0.0.1"]]}
    with pytest.raises(DownloadFailed, match="this machine"):
        await downloader(internet).fetch("https://files.example/1.pdf")
    assert internet.called == [FILES]


async def test_two_names_at_one_address_never_share_a_connection(internet: Internet, serve: Open) -> None:
    files = await serve(FILES, saying(body=b"x"))
    internet.names = {"files.example": [[FILES]], "cdn.example": [[FILES]]}
    fetching = downloader(internet)
    for host in ("files.example", "cdn.example", "files.example"):
        await fetching.fetch(f"https://{host}/")
    assert files.connections == 2
    assert files.named == ["files.example", "cdn.example"]
    assert [head.partition("Host: ")[2].split("\r\n")[0] for head in files.heads] == [
        "files.example",
        "cdn.example",
        "files.example",
    ]


async def test_a_server_that_cannot_prove_the_name_is_not_believed(internet: Internet, serve: Open) -> None:
    files = await serve(FILES)
    internet.names = {"other.example": [[FILES]]}
    with pytest.raises(DownloadFailed, match="ConnectError"):
        await downloader(internet).fetch("https://other.example/")
    assert files.heads == []


@pytest.mark.rule("AUTH-045")
async def test_no_credential_of_ours_or_of_the_machine_goes_to_a_file_host(
    internet: Internet, serve: Open, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine files.example login somebody password ambient\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    files = await serve(FILES, saying(302, Location="https://cdn.example/2", Set_Cookie="id=1; Domain=example"))
    cdn = await serve(CDN, saying(body=b"x"))
    internet.names = {"files.example": [[FILES]], "cdn.example": [[CDN]]}
    await downloader(internet).fetch("https://files.example/1?sig=the-key")
    for head in files.heads + cdn.heads:
        assert {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line} <= {
            *("host", "user-agent", "accept", "accept-encoding", "connection"),
        }
    assert "the-key" not in cdn.heads[0]


async def test_a_proxy_of_the_machine_sees_nothing(serve: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = await serve(None)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
        async with files_client(local_allowed=True) as http:
            with pytest.raises(DownloadFailed):
                await Downloader(http, local_allowed=True, sleep=no_wait).fetch(f"http://127.0.0.1:{nobody}/")
    assert trap.connections == 0


@pytest.mark.rule("EXP-ATT-13")
async def test_an_endless_file_is_left_at_the_limit(internet: Internet, serve: Open) -> None:
    await serve(FILES, trickling(b"HTTP/1.1 200 OK\r\n\r\n", bytes(64 * 1024)))
    internet.names = {"files.example": [[FILES]]}
    with pytest.raises(TooLarge):
        await downloader(internet, max_bytes=500_000).fetch("https://files.example/1.pdf")


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "],
    ids=["body", "head"],
)
async def test_a_trickle_ends_with_the_time_for_the_whole_file(
    internet: Internet, serve: Open, beginning: bytes
) -> None:
    files = await serve(FILES, trickling(beginning, b"."))
    internet.names = {"files.example": [[FILES]]}
    with pytest.raises(DownloadFailed, match=r"not here after 0\.3 seconds"):
        await downloader(internet, total_seconds=0.3).fetch("https://files.example/1.pdf")
    assert files.connections <= 1, "one slow file must not hold a company's job four times as long"


async def test_headers_without_end_are_not_collected(internet: Internet, serve: Open) -> None:
    await serve(FILES, trickling(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 8000 + b"\r\n"))
    internet.names = {"files.example": [[FILES]]}
    with pytest.raises(DownloadFailed, match="RemoteProtocolError"):
        await downloader(internet).fetch("https://files.example/1.pdf")


@pytest.mark.rule("EXP-ATT-13", "LIMIT-041")
async def test_a_packed_file_counts_as_what_it_unpacks_to(internet: Internet, serve: Open) -> None:
    await serve(FILES, saying(body=gzip.compress(bytes(8_000_000)), Content_Encoding="gzip"))
    internet.names = {"files.example": [[FILES]]}
    with pytest.raises(TooLarge):
        await downloader(internet, max_bytes=1_000_000).fetch("https://files.example/1.pdf")


async def test_the_services_own_client_asks_the_systems_resolver(serve: Open) -> None:
    trap = await serve(None)
    async with files_client() as http:
        for host in ("localhost", "127.0.0.1"):
            with pytest.raises(Exception, match="leads to this machine"):
                await http.get(f"http://{host}:{trap.port}/")
    assert trap.connections == 0
    async with files_client(local_allowed=True) as http:
        assert (await http.get(f"http://localhost:{trap.port}/")).status_code == httpx.codes.OK

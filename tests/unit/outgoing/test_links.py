"""What a link from outside must look like before its host is even looked up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.links import LONGEST, link_fault

PORTS = frozenset({443})


@pytest.mark.parametrize(
    "url",
    ["https://files.example/a?sig=1", "HTTPS://FILES.EXAMPLE:443/a", "https://1.1.1.1/", "https://[2606:4700::1]/"],
)
def test_an_ordinary_link_is_followed(url: str) -> None:
    assert link_fault(url, PUBLIC, ports=PORTS) is None


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://files.example/", "must use HTTPS"),
        ("ftp://files.example/", "must use HTTPS"),
        ("file:///etc/passwd", "is not a URL"),
        ("gopher://files.example:70/_x", "must use HTTPS"),
        ("//files.example/a", "must use HTTPS"),
        ("https:///a", "is not a URL"),
        ("", "is not a URL"),
        ("https://files.example:22/", "uses port 22"),
        ("https://files.example:8443/", "uses port 8443"),
        ("https://user:pass@files.example/", "carries a user name"),
        ("https://files.example@127.0.0.1/", "carries a user name"),
        ("https://127.0.0.1\\@files.example/", "carries a user name"),
        ("https://localhost/", "this machine"),
        ("https://LOCALHOST./", "this machine"),
        ("https://127.0.0.1/", "this machine"),
        ("https://127。0。0。1/", "this machine"),
        ("https://[::ffff:127.0.0.1]/", "this machine"),
        ("https://0x7f.1/", "is not a URL"),
        ("https://2130706433/", "is not a URL"),
        ("https://10.0.0.7/", "private network"),
        ("https://169.254.169.254/latest/meta-data/", "the network itself"),
        ("https://[fd00:ec2::254]/", "the network itself"),
        ("https://files.example/\r\nHost: other", "is not a URL"),
        ("https://files.example/" + "a" * LONGEST, "longer than"),
    ],
)
def test_an_odd_link_is_refused_in_words(url: str, fault: str) -> None:
    assert fault in (link_fault(url, PUBLIC, ports=PORTS) or "")


def test_a_sandbox_may_name_this_machine_in_plain_http_and_any_port() -> None:
    sandbox = Reach(local=True)
    assert link_fault("http://127.0.0.1:9000/f", sandbox, ports=PORTS) is None
    assert link_fault("http://localhost:9000/f", sandbox, ports=PORTS) is None
    assert link_fault("ftp://localhost/f", sandbox, ports=PORTS)
    assert link_fault("http://files.example/f", sandbox, ports=PORTS)


@given(st.text(max_size=200))
def test_no_text_is_too_odd_to_be_refused(text: str) -> None:
    link_fault(text, PUBLIC, ports=PORTS)
    link_fault(f"https://{text}", PUBLIC, ports=PORTS)

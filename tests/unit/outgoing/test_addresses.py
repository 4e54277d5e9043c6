"""Which addresses are called: the internet, what the operator listed, and never where only we can go."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.outgoing.addresses import PUBLIC, Reach, host_of, is_loopback, reach

HOST = "erp.example"
ALL_PRIVATE = reach([HOST, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"])

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.0.1",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    # The same places in the clothes of IPv6.
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "0:0:0:0:0:5efe:7f00:1",
    # Documents, benchmarks, tunnels: nobody's server.
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "not an address",
    "",
]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "fc00::1", "fdff::1"]
WRAPPED = ["::ffff:10.0.0.1", "64:ff9b::c0a8:101"]
ON_THE_INTERNET = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", [*ON_THE_INTERNET, "64:ff9b::101:101"])
def test_what_is_on_the_internet_is_called(address: str) -> None:
    assert PUBLIC.fault(HOST, address) is None


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_called_whatever_an_operator_lists(address: str) -> None:
    assert PUBLIC.fault(HOST, address)
    assert ALL_PRIVATE.fault(HOST, address)


@pytest.mark.parametrize("address", PRIVATE + WRAPPED)
def test_a_private_address_is_called_only_when_listed(address: str) -> None:
    assert PUBLIC.fault(HOST, address) == "leads into a private network"
    assert ALL_PRIVATE.fault("another.example", address) is None
    assert Reach(hosts=frozenset({HOST})).fault(HOST, address) is None
    assert Reach(hosts=frozenset({HOST})).fault("another.example", address)


def test_a_listed_network_opens_itself_only() -> None:
    listed = reach(["10.20.0.0/16", "192.168.7.7", "fd12:3456::/32"])
    for inside in ("10.20.255.1", "192.168.7.7", "fd12:3456::9", "::ffff:10.20.0.1"):
        assert listed.fault(HOST, inside) is None
    for outside in ("10.21.0.1", "192.168.7.8", "fd12:3457::9", "172.16.0.1"):
        assert listed.fault(HOST, outside)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_called_beside_a_sandbox_only(address: str) -> None:
    assert Reach(local=True).fault("localhost", address) is None
    for closed in ("10.0.0.1", "169.254.169.254", "0.0.0.0", "::"):
        assert Reach(local=True).fault("localhost", closed)


@given(st.integers(0, 2**32 - 1))
def test_wrapping_an_address_never_opens_it(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    for wrapped in (f"::ffff:{plain}", str(ipaddress.IPv6Address(0x64FF9B << 96 | number))):
        assert (PUBLIC.fault(HOST, wrapped) is None) == (PUBLIC.fault(HOST, str(plain)) is None)


@given(st.ip_addresses())
def test_nothing_is_called_that_pythons_own_table_calls_private_apart_from_translated_internet(address: object) -> None:
    found = ipaddress.ip_address(str(address))
    if PUBLIC.fault(HOST, str(found)) is None and not str(found).startswith("64:ff9b::"):
        assert found.is_global or getattr(found, "ipv4_mapped", None)


@pytest.mark.parametrize(
    "entry",
    ["0.0.0.0/0", "::/0", "127.0.0.0/8", "127.0.0.1", "::1", "169.254.0.0/16", "8.8.8.0/24", "10.0.0.1/8", "10.0.0.0/x",
     "8.8.8.8", "a b", "https://erp.example", "erp.example:8000", "*.example"],
)  # fmt: skip
def test_an_operator_cannot_list_what_must_stay_closed(entry: str) -> None:
    with pytest.raises(ValueError):
        reach([entry])


def test_names_are_listed_in_any_spelling() -> None:
    listed = reach([" ERP.Internal.Example. ", "bücher.example", ""])
    assert listed.hosts == {"erp.internal.example", "xn--bcher-kva.example"}


@pytest.mark.parametrize(
    ("spelt", "host"),
    [
        ("EXAMPLE.com.", "example.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("127。0。0。1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::FFFF:10.0.0.1", "::ffff:a00:1"),
        ("tryton", "tryton"),
        ("my_host.example", "my_host.example"),
    ],
)
def test_a_host_has_one_spelling(spelt: str, host: str) -> None:
    assert host_of(spelt) == host


@pytest.mark.parametrize(
    "spelt",
    ["127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.0x1", "1.2.3.4.5", "①②⑦.⓪.⓪.①", "",
     ".", "a..b", "a b", "a\nb", "a\0b", "a/b", "a@b", "a:80", "a%2eb", "-a.example", "x" * 64, "a." * 130 + "example"],
)  # fmt: skip
def test_a_number_in_disguise_is_no_host(spelt: str) -> None:
    with pytest.raises(ValueError):
        host_of(spelt)


def test_this_machine_is_known_by_name_and_address() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:7f00:1"))
    assert not any(is_loopback(host) for host in ("localhost.example", "10.0.0.1", "::2", "loopback"))

"""Which addresses may be called, told from the numbers and never from the spelling.

Public addresses may. Private ones only where the operator listed them. This machine, link-local addresses, the metadata
services of clouds and whatever else belongs to the network itself never, however they are wrapped in IPv6; a sandbox on
this machine is the one exception.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_NEVER = _networks(
    *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    *("::/128", "fe80::/10", "fec0::/10", "ff00::/8"),
    # Metadata services of clouds outside the link-local range.
    *("100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::254/128"),
)
_PRIVATE = _networks("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
_NOT_PUBLIC = _networks(
    *("192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    # Tunnels into IPv4 (Teredo, 6to4) and addresses for documents and benchmarks.
    *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where calls may go besides the public internet."""

    hosts: frozenset[str] = frozenset()
    """Names, as `host_of` writes them, that may stand for a private address."""
    networks: tuple[Network, ...] = ()
    """Private networks that any name may lead into."""
    local: bool = False
    """Whether this machine may be called: beside a Pleo sandbox only."""

    def fault(self, host: str, address: str) -> str | None:
        """Why a connection to this address, to which `host` was resolved, must not be made; completes "it ..."."""
        try:
            found = unwrapped(ipaddress.ip_address(address))
        except ValueError:
            return "leads to an address that cannot be read"
        if _within(found, _LOOPBACK):
            return None if self.local else "leads to this machine"
        if _within(found, _NEVER):
            return "leads to an address that belongs to the network itself"
        if _within(found, _PRIVATE):
            return None if host in self.hosts or _within(found, self.networks) else "leads into a private network"
        if _within(found, _NOT_PUBLIC) or (found.version == 6 and found not in _GLOBAL_V6):
            return "leads to an address that is not on the internet"
        return None


PUBLIC = Reach()
"""The public internet and nothing else."""


def reach(entries: Iterable[str], *, local: bool = False) -> Reach:
    """What an operator listed: names of hosts, addresses, and networks such as `10.20.0.0/16`.

    Raises `ValueError` for an entry that is none of these or opens more than private networks.
    """
    hosts, networks = set(), []
    for entry in (one.strip() for one in entries):
        if not entry:
            continue
        network = _network(entry)
        if network is None:
            hosts.add(host_of(entry))
            continue
        if not any(network.version == one.version and network.subnet_of(one) for one in _PRIVATE):  # type: ignore[arg-type]
            raise ValueError(f"{entry} is not inside a private network such as 10.0.0.0/8")
        networks.append(network)
    return Reach(frozenset(hosts), tuple(networks), local)


def host_of(text: str) -> str:
    """The one spelling of a host: lower case, ASCII, no dot at the end, an address in its shortest form.

    Raises `ValueError` for what is no host, a number that only some programs take for an address included.
    """
    try:
        host = httpx.URL(scheme="https", host=text.strip().strip("[]")).raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, TypeError, ValueError):
        raise ValueError(f"{text[:100]!r} is no host") from None
    host = host.strip("[]").removesuffix(".").lower()
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        labels = host.split(".")
    # 127.1, 2130706433, 0x7f.0.0.1 and 0177.0.0.1 are addresses to the resolver of the system.
    numeric = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1])
    if numeric or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{text[:100]!r} is no host")
    return host


def is_loopback(host: str) -> bool:
    """Whether a host, as `host_of` writes it, is this machine by name or by address."""
    try:
        return host == "localhost" or _within(unwrapped(ipaddress.ip_address(host)), _LOOPBACK)
    except ValueError:
        return False


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where packets to it end up as IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        if "/" in entry:
            raise ValueError(f"{entry} is no network; write it like 10.20.0.0/16") from None
        return None


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)

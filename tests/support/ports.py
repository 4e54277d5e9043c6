"""Ports for servers of other processes, which cannot be told to take any free one.

A port that was bound to 0 and let go may be given to anybody before the server takes it: the system hands out the same
numbers to all who ask, hundreds a second while the suite runs. So these come from below that range, and a UDP socket
under the same number tells other sessions of the tests that one is taken.
"""

from __future__ import annotations

import random
import socket

_PORTS = range(15_000, 32_000)
_taken: list[socket.socket] = []


def free_port() -> int:
    """A port for TCP on 127.0.0.1 that nobody else gets while this process lives."""
    for number in random.sample(_PORTS, 200):
        mark = socket.socket(type=socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", number))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", number))
        except OSError:
            mark.close()
            continue
        _taken.append(mark)
        return number
    raise AssertionError("no port is free")

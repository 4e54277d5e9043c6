"""What a process may take that reads strangers' files, and what it may do: very little, and nothing after it began.

The limits are set by the process itself, once all it needs is loaded and before it reads the first byte. From then on
it can open no file and no socket and start no process, so whatever a file makes it do ends with what it writes.
"""

from __future__ import annotations

import contextlib
import resource
import sys

MEMORY = 512 * 1024 * 1024
"""Bytes of address space. 100 MB of photographs and PDFs take 300 MB together, the largest image that is unpacked 350.
"""


def settle_down(most: int, seconds: int) -> None:
    """Give up everything that is not needed to write at most `most` bytes within `seconds` of a processor."""
    _go_first_when_memory_is_short()
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_FSIZE, most, most)
    # A process that is out of time is ended by SIGXCPU, which tells it from one that the machine ended.
    _limit(resource.RLIMIT_CPU, seconds, seconds + 2)
    if sys.platform != "darwin":  # which accepts no limit of address space
        _limit(resource.RLIMIT_AS, MEMORY, MEMORY)
    _limit(resource.RLIMIT_NPROC, 0, 0)
    _limit(resource.RLIMIT_NOFILE, 0, 0)


def _go_first_when_memory_is_short() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def _limit(what: int, soft: int, hard: int) -> None:
    """Lower a limit; one that is lower already stays."""
    _, ceiling = resource.getrlimit(what)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(what, (soft, hard))

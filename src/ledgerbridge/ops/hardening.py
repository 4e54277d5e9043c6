"""What a process that holds secrets in its memory asks of the operating system before it uses them."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import sys

_PR_SET_DUMPABLE = 4


def harden() -> None:
    """No core dumps, no reading of our memory by other processes of the same user, no files that others can read.

    A crash of the interpreter writes where it happened, without values. What the system does not offer is left out.
    """
    os.umask(0o077)
    # The hard limit too: nothing we start may raise it again.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Also holds where the kernel pipes core dumps to a program and heeds no size.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    faulthandler.enable(all_threads=True)

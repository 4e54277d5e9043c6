"""The process that reads strangers' files: `python -m ledgerbridge.outgoing.papers ORDER`, started by `workshop`."""

from __future__ import annotations

import errno
import logging
import os
import sys

from ledgerbridge.outgoing.papers import bounds, joining, packing
from ledgerbridge.outgoing.papers.faults import Unusable, of_file
from ledgerbridge.outgoing.papers.order import AT, Answer, Make, Order, Why

_MAKERS = {Make.PDF: joining.join, Make.ZIP: packing.pack}


def main(order: Order) -> Answer:
    """What becomes of an order. Raises what is a fault of ours."""
    position = 0

    def begun(at: int) -> None:
        nonlocal position
        position = at
        print(f"{AT}{at}", flush=True)

    if order.make is Make.PDF:
        joining.rehearse()
    bounds.settle_down(order.most, order.seconds)
    try:
        with os.fdopen(order.into, "wb", closefd=False) as into:
            _MAKERS[order.make](order.files, into, begun)
            into.flush()
    except Unusable as error:
        return Answer(why=error.why, position=position or None)
    except (MemoryError, RecursionError):
        return Answer(why=Why.BEYOND, position=position or None)
    except OSError as error:
        if not of_file(error):
            raise
        if error.errno == errno.EFBIG:
            return Answer(too_large=True)
        return Answer(unwritten=error.strerror or type(error).__name__)
    return Answer(done=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # libraries tell of every oddity of a file
    print(main(Order.heard(sys.argv[1])).told(), flush=True)
    # Nothing is left to tidy up, and a library that a file has upset need not try.
    os._exit(0)

"""What is broken of accounting systems: their answers, their processes, and the server that files are put on."""

from __future__ import annotations

import time

from tests.chaos.line import Trouble
from tests.chaos.stage import WAIT_SECONDS, Breaking, Stage, fault
from tests.chaos.systems import Wire
from tests.chaos.world import RESCUE_SECONDS

_ANSWERING = frozenset({"tryton", "http"})


@fault("erp reply lost", _ANSWERING)
def erp_reply_lost(stage: Stage) -> Breaking:
    """The ERP does what it is told, and its answer to a write is lost, four times."""
    yield

    def lost(wire: Wire) -> list[Trouble]:
        skips = [stage.dice.randint(0, wire.many) for _ in range(4)]
        return [Trouble("lose", "POST|PUT|DELETE", wire.writes, 1, skip=skip) for skip in skips]

    return stage.at_each_erp(lost)


@fault("erp request lost", _ANSWERING)
def erp_request_lost(stage: Stage) -> Breaking:
    """A write to the ERP never arrives, twice; nobody knows that it did not."""
    yield

    def lost(wire: Wire) -> list[Trouble]:
        skips = [stage.dice.randint(0, wire.many) for _ in range(2)]
        return [Trouble("cut", "POST|PUT|DELETE", wire.writes, 1, skip=skip) for skip in skips]

    return stage.at_each_erp(lost)


@fault("erp refuses", _ANSWERING)
def erp_refuses(stage: Stage) -> Breaking:
    """The ERP answers 429, 500, 502 and 503, partly after the effect."""
    yield

    def refusals(wire: Wire) -> list[Trouble]:
        times, skips = (
            [stage.dice.randint(1, 3) for _ in range(2)],
            [stage.dice.randint(0, 6 * wire.many) for _ in "ab"],
        )
        return [
            *(
                Trouble("status", times=often, skip=skip, status=status, retry_after=1)
                for often, skip, status in zip(times, skips, (429, 503), strict=True)
            ),
            *(
                Trouble("fail", "POST", wire.writes, 2, stage.dice.randint(0, wire.many), status=status)
                for status in (500, 502)
            ),
        ]

    return stage.at_each_erp(refusals)


@fault("erp slow", _ANSWERING)
def erp_slow(stage: Stage) -> Breaking:
    """Answers of the ERP come seconds late."""
    yield

    def late(wire: Wire) -> list[Trouble]:
        skip, seconds = stage.dice.randint(0, 5 * wire.many), stage.dice.uniform(1, 4)
        return [Trouble("slow", times=6, skip=skip, seconds=seconds)]

    return stage.at_each_erp(late)


@fault("erp truncated", _ANSWERING)
def erp_truncated(stage: Stage) -> Breaking:
    """Answers of the ERP end in the middle."""
    yield

    def cut(wire: Wire) -> list[Trouble]:
        reads = Trouble("truncate", *wire.reads, 3, stage.dice.randint(0, 5 * wire.many))
        return [reads, Trouble("truncate", "POST", wire.writes, 2, stage.dice.randint(0, wire.many // 2))]

    return stage.at_each_erp(cut)


@fault("erp killed", _ANSWERING)
def erp_killed(stage: Stage) -> Breaking:
    """SIGKILL to the ERP in the middle of its work; it is started again."""
    yield
    stage.pause(0.5, 4)
    erp = stage.erp().part
    with erp.hand:
        erp.kill()
        stage.pause(0, 3)
        erp.start()
    return 1


@fault("late write of a killed replica", _ANSWERING)
def late_write(stage: Stage) -> Breaking:
    """A create is on its way to the ERP almost for as long as a lease lasts, and every replica is killed meanwhile."""
    seconds, erp = 0.8 * RESCUE_SECONDS / 2, stage.erp()
    late = Trouble("delay", "POST", erp.wire.creates, 1, stage.dice.randint(0, erp.wire.many // 2), seconds=seconds)
    with erp.line.troubled(late):
        yield
        give_up = time.monotonic() + WAIT_SECONDS
        while not late.struck and time.monotonic() < give_up and stage.working.is_set():
            time.sleep(0.02)
        if late.struck:
            for replica in stage.world.replicas:
                with replica.hand:
                    replica.process.kill()
                    replica.start()
            time.sleep(seconds)
    return late.struck


@fault("handover broken", frozenset({"sie"}))
def handover_broken(stage: Stage) -> Breaking:
    """The SFTP server that files are put on is dead when the first are ready, comes back, and is killed twice more."""
    assert stage.world.sftp is not None
    sftp = stage.world.sftp.part
    with sftp.hand:
        sftp.kill()
        yield
        stage.pause(1, 4)
        sftp.start()
    for _ in range(2):
        stage.pause(0.2, 2)
        with sftp.hand:
            sftp.kill()
            stage.pause(0, 3)
            sftp.start()
    return 3

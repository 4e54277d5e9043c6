"""How long a kind of sync may fail before what happens: the steps of the ladder."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a kind may fail before what happens."""

    first: dt.timedelta = dt.timedelta(minutes=2)
    """To the second try; doubles with each."""
    longest: dt.timedelta = dt.timedelta(hours=2)
    """Between two tries, where the schedule is not sooner anyway."""
    hopeless: dt.timedelta = dt.timedelta(hours=6)
    """Between two tries of what only a person can mend, where the schedule is not sooner anyway."""
    warn: dt.timedelta = dt.timedelta(hours=4)
    """Somebody is told after this; at once of what only a person can mend."""
    lapse: dt.timedelta = dt.timedelta(days=1)
    """Without any try for this, as while the connection was paused, an earlier failure says nothing any more."""
    off: dt.timedelta = dt.timedelta(days=7)
    """No more tries by itself after this."""

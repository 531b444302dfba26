"""From when on things are past their keep, by time that has really passed as far as runs can witness it.

A clock that jumps ahead by ten years would make everything ten years older, and `maintain` would delete what is a day
old; whoever sets the clock right afterwards does not get it back. Nothing here can know the time, but runs leave their
own: a jump, like a pause, is a gap between two of them, or between the last one and now. So a gap counts as twice the
usual one at most, and as a day at least. After a long pause things are therefore kept longer than they need be; a
clock that jumped makes them go by that much too early, and no more.

Rejected: the latest as-of in the place of the clock (one run under the wrong clock, and it is wrong too), and asking
for confirmation (nobody is there when cron calls).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

A_DAY = timedelta(days=1)


def past_keep(now: datetime, starts: Sequence[datetime], days: int) -> datetime:
    """Return the moment from which on things are kept; what is older is past its keep of so many days.

    In: the clock; when runs were started, by its word of then, in the order in which they ran.
    """
    moments = _backwards(now, starts)
    longest = _longest(moments)
    left, at = timedelta(days=days), now
    for later, earlier in pairwise(moments):
        counted = min(later - earlier, longest)
        if counted >= left:
            return later - left
        left, at = left - counted, earlier
    return at - left


def _backwards(now: datetime, starts: Sequence[datetime]) -> list[datetime]:
    """Return now and the runs before, backwards; those that a wrong clock dated later than what came after are none."""
    moments = [now]
    for start in reversed(starts):
        if start < moments[-1]:
            moments.append(start)
    return moments


def _longest(moments: Sequence[datetime]) -> timedelta:
    """Return how much of a gap is believed."""
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(moments)]
    return max(A_DAY, timedelta(seconds=2 * median(gaps))) if gaps else A_DAY

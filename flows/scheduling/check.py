"""Judges a cron expression and its time zone: a process of its own, so that `newsmart serve` stays without Prefect.

Prefect's own judge is asked, and not a parser of ours, since two readings of `0 0 * * 7` would be one too many. One
that never comes, such as `0 0 31 2 *`, is wrong usage: Prefect itself would take it and wait for ever.
"""

import asyncio
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from prefect.server.schemas.schedules import CronSchedule
from pydantic import ValidationError

from schemas.errors import UsageError


def main() -> None:
    """Print the seconds between the next two times of the cron expression. In: it, and a time zone's name."""
    try:
        sys.stdout.write(f"{spacing(*sys.argv[1:3])}\n")
    except UsageError as error:
        sys.stderr.write(str(error))
        sys.exit(error.exit_status)


def spacing(cron: str, timezone: str) -> float:
    """Return the seconds between the next two times. Raises UsageError for no expression, no zone, or no time."""
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError):
        raise UsageError("no such time zone", where=repr(timezone), todo="such as Europe/Berlin") from None
    try:
        schedule = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError:
        todo = "five fields: minute hour day month weekday, such as '0 * * * *'"
        raise UsageError("not a cron expression", where=repr(cron), todo=todo) from None
    dates = times(schedule)
    if len(dates) < 2:
        raise UsageError("the cron expression never comes", where=repr(cron), todo="name a day that there is")
    return (dates[1] - dates[0]).total_seconds()


def times(schedule: CronSchedule) -> list[datetime]:
    """Return the next two times; fewer where there are none for decades."""
    try:
        return list(asyncio.run(schedule.get_dates(n=2)))
    except ValueError:  # croniter's CroniterBadDateError
        return []

"""Says whether Prefect takes a cron expression: a process of its own, so that `newsmart serve` stays without Prefect.

Prefect's own judge is asked, and not a parser of ours, since two readings of `0 0 * * 7` would be one too many.
"""

import sys

from flows.scheduling.prefect_deployment import schedule_of
from flows.scheduling.serving import When
from schemas.errors import UsageError


def main() -> None:
    """Exit with 0 where the first argument is a cron expression, else say so and exit with 2."""
    try:
        schedule_of(When(cron=sys.argv[1]))
    except UsageError as error:
        sys.stderr.write(str(error))
        sys.exit(error.exit_status)

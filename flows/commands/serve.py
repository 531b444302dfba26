"""`newsmart serve`: a schedule, with Prefect's server and page, in one command."""

import argparse

from flows.commands.run import attempted, run_request, run_settings
from flows.settings import process_environment


def serve(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from flows.scheduling.serve import serve as serve_until_stopped

    with attempted(options):
        return serve_until_stopped(
            run_request(options, run_settings(options)),
            cron=options.cron,
            every=options.every,
            port=options.port,
            environment=process_environment(),
            quiet=options.quiet,
            now=options.now,
        )

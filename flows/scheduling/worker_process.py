"""The process that runs scheduled flows for `newsmart serve`: its start and its end. Imports Prefect last.

The parent says what is to be served by the first line of standard input, and "stop" by closing it, as its death does.
"""

import logging
import os
import signal
import sys
import threading
from importlib import import_module

from flows.scheduling.job import Job
from flows.scheduling.log import set_up_log
from flows.startup import skip_numpy_and_pandas


def main() -> None:
    """Run the job that standard input tells until it closes. Exits 0, 75 for a new process, or 1."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    job = Job.from_line(sys.stdin.buffer.readline())
    # Prefect's loops print tracebacks where the server is away, past all levels of logging.
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
    set_up_log(job.log_format, is_quiet=job.is_quiet)
    if job.parameters["engine"] != "dask":
        skip_numpy_and_pandas()
    closed = threading.Event()
    threading.Thread(target=_wait_for_close, args=(closed,), daemon=True).start()
    status: int = import_module("flows.scheduling.service").serve_until(job, closed)
    logging.shutdown()
    # Prefect's threads may wait for a server that is gone.
    os._exit(status)


def _wait_for_close(closed: threading.Event) -> None:
    while sys.stdin.buffer.read(1000):
        pass
    closed.set()

"""The log of `newsmart serve`: one line on stderr for each thing that happens, as text or as JSON.

stdlib logging and not Prefect's: its console handler writes a traceback for each failed flow, and what it logs of a run
is in the page anyway.
"""

import json
import logging
import time
from datetime import UTC, datetime

from flows.pipeline.request import LOGGER


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
        told = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        return json.dumps(told, ensure_ascii=False)


def set_up_log(form: str, *, is_quiet: bool = False) -> None:
    """Send the log lines of newsmart to stderr, as text or JSON; other libraries' go their own way."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    text.converter = time.gmtime
    handler.setFormatter(JsonLines() if form == "json" else text)
    handler.addFilter(lambda record: record.name != LOGGER)  # a line a run is enough here; the page has all
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    ours = logging.getLogger("newsmart")
    ours.handlers[:] = [handler]
    ours.setLevel(logging.WARNING if is_quiet else logging.INFO)
    ours.propagate = False

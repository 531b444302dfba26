"""What a run puts on Prefect's page: its report as Markdown artifacts, and how far a long load is.

The page is for looking on: a server that is gone is a warning in the log, and the run goes on.
"""

import logging
from time import monotonic
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from flows.pipeline.request import RunResult
from flows.scheduling import artifacts
from flows.scheduling.artifacts import Report, report_of, report_of_failure
from warehouse.state import State

FIRST_SECONDS = 5.0
BETWEEN_SECONDS = 2.0

log = logging.getLogger("newsmart")


def leave_report(result: RunResult) -> None:
    """Leave the report of a run that ended well."""
    _leave(report_of(result))


def leave_report_of_failure(run_id: str, error: str, state: State | None) -> None:
    """Leave the report of a run that failed, as far as state.json tells of it."""
    _leave(report_of_failure(run_id, error, state))


def _leave(report: Report) -> None:
    texts = {
        "newsmart-summary": artifacts.summary(report),
        "newsmart-quarantine": artifacts.quarantine(report),
        "newsmart-audits": artifacts.audits(report),
    }
    try:
        for key, text in texts.items():
            create_markdown_artifact(text, key=key, description=f"run {report.run_id}")
    except Exception as error:  # noqa: BLE001  # httpx's, Prefect's and the engine's have no common base
        get_run_logger().warning("%s: no artifacts in Prefect: %s", report.run_id, error)


class BatchProgress:
    """An `on_batch` callback that shows a bar on the page, once reading has taken FIRST_SECONDS."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._next = monotonic() + FIRST_SECONDS
        self._artifact: UUID | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` documents are taken in. Seldom asks the server; never after a failure."""
        is_last = done >= total and self._artifact is not None
        if not total or (monotonic() < self._next and not is_last):
            return
        self._next = monotonic() + BETWEEN_SECONDS
        try:
            self._show(100.0 * done / total, f"{done:,} of {total:,} documents are taken in")
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            self._next = float("inf")
            log.warning("no progress in Prefect: %s", error)

    def _show(self, percent: float, text: str) -> None:
        if self._artifact is not None:
            update_progress_artifact(self._artifact, progress=percent, description=text)
            return
        made = create_progress_artifact(progress=percent, key="newsmart-progress", description=text)
        self._artifact = made if isinstance(made, UUID) else None

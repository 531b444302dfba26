"""One Prefect harness a session: a server on a database of its own, its heartbeat off, its terminal quiet."""

import atexit
from collections.abc import Iterator

import pytest
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    temporary_settings,
)

from flows.process import close_stderr
from tests.conftest import PATIENCE_SECONDS

atexit.register(close_stderr)

SETTINGS = {
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    PREFECT_SERVER_ANALYTICS_ENABLED: False,
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore",
}


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Let flows run against a server of the session's own; a user's server and home are never touched."""
    # Not at the top: it takes the server's modules, for which each process that collects tests would wait two seconds.
    from prefect.testing.utilities import prefect_test_harness

    with (
        temporary_settings(SETTINGS),
        prefect_test_harness(server_startup_timeout=PATIENCE_SECONDS),
        temporary_settings(SETTINGS),
    ):
        yield

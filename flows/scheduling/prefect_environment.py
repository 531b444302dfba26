"""The PREFECT_* variables that our processes run under; no Prefect is imported here.

Prefect reads its settings once, while it is imported, so they have to be in the environment before. What the user has
set stays. Rejected: a profile file in the home (it would change the user's other flows), and `temporary_settings` for
all of it (the server is another process, which sees the environment only).
"""

import os
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import RunFailed

API_URL = "PREFECT_API_URL"
WHAT_TO_DO = "name another with PREFECT_HOME, or run with --direct"
HOME = "PREFECT_HOME"

QUIET = {
    # No word about the user's runs leaves the machine.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    # The terminal is ours: Prefect writes a traceback there for every failed flow. Its log in the page stays whole.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_DEBUG_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_COLORS": "false",
    # Nobody but `flows.scheduling.prefect_server` starts a server.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # Five retries of a lost server hold a finished run for a minute, and the log's thread for seven (measured).
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
}

SERVING = {
    # Few runs ahead and a quick loop: a schedule of seconds would else outrun the default look each minute.
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "30",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT1M",
    # What is late is skipped by us; the state Late would only be noise.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    # Keeps the database small; flow runs themselves are pruned by count, in `flows.scheduling.prefect_executor`.
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "PT15M",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,orphans",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "300",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ORPHAN_CLEANUP_LOOP_SECONDS": "3600",
}


def prepare_environment(
    given: Mapping[str, str], *, home: Path | None = None, api_url: str | None = None, serving: bool = False
) -> dict[str, str]:
    """Return the variables to add to `given` before Prefect is imported here or in a child. Pure.

    home: where Prefect keeps its database; None leaves it to Prefect (`~/.prefect`) or the user. api_url: the server
    that was started for this process; None where the user's own is used. A variable that is given is never replaced,
    but for these two.
    """
    defaults = {**QUIET, **(SERVING if serving else {})}
    added = {name: value for name, value in defaults.items() if name not in given}
    told = {HOME: None if home is None else str(home), API_URL: api_url}
    return added | {name: value for name, value in told.items() if value is not None}


def prefect_home(given: Mapping[str, str]) -> Path:
    """Return the folder in which Prefect keeps its database under this environment."""
    return Path(given.get(HOME) or "~/.prefect").expanduser()


def check_home(folder: Path) -> Path:
    """Return the folder, which is there and can be written. Raises RunFailed: Prefect would only warn, and go wrong."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailed("cannot make Prefect's folder", where=f"{folder}: {error.strerror}", todo=WHAT_TO_DO) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RunFailed("cannot write Prefect's folder", where=str(folder), todo=WHAT_TO_DO)
    return folder


def may_have_profile(given: Mapping[str, str], folder: Path) -> bool:
    """Tell whether a file that Prefect reads may name another server: a profile, prefect.toml or a .env.

    In: the environment and the current folder. It may say yes in vain; then Prefect's own reading decides.
    """
    named = given.get("PREFECT_PROFILES_PATH")
    files = [Path(named) if named else prefect_home(given) / "profiles.toml", folder / "prefect.toml", folder / ".env"]
    return "PREFECT_PROFILE" in given or any(file.is_file() for file in files)

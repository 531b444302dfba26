"""The PREFECT_* variables that our processes run under; no Prefect is imported here.

Prefect reads its settings once, while it is imported, so they have to be in the environment before. What the user has
set in the environment stays, and so does the server that the environment or a profile names. The user's profile is read
and never written, and their `~/.prefect` is left alone: it may belong to another version of Prefect, which would no
longer start after a migration of its database. Rejected: `temporary_settings` (the server is another process, which
sees the environment only).
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from flows.pipeline.request import LOGGER
from flows.settings import PREFIX, Settings
from schemas.errors import RunFailed

API_URL = "PREFECT_API_URL"
HOME = "PREFECT_HOME"
PROFILES = "PREFECT_PROFILES_PATH"
PROFILE = "PREFECT_PROFILE"
LOOPBACK = "127.0.0.1,localhost"

QUIET = {
    # No word about the user's runs leaves the machine.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    # The terminal is ours: Prefect writes a traceback there for every failed flow. Its log in the page stays whole.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_DEBUG_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_COLORS": "false",
    # What the steps tell shows in the page.
    "PREFECT_LOGGING_EXTRA_LOGGERS": LOGGER,
    # Nobody but `flows.scheduling.server` starts a server.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # Five retries of a lost server hold a finished run for a minute, and the log's thread for seven (measured).
    "PREFECT_CLIENT_MAX_RETRIES": "1",
}

SERVING = {
    # Few runs ahead and a quick loop: a schedule of seconds would else outrun the default look each minute.
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "30",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT1M",
    # What is late is skipped by us; the state Late would only be noise.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    # Keeps the database small. Flow runs are deleted with their tasks, logs and artifacts.
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "PT5M",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs,orphans",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "120",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ORPHAN_CLEANUP_LOOP_SECONDS": "3600",
}
KEPT_RUNS = 1000
KEPT_SECONDS = (3700, 90 * 86_400)  # Prefect takes no less than an hour; its default is 90 days


def retention(spacing_seconds: float) -> dict[str, str]:
    """Return how long Prefect keeps flow runs that come so far apart: some KEPT_RUNS of them."""
    least, most = KEPT_SECONDS
    seconds = int(min(most, max(least, KEPT_RUNS * spacing_seconds)))
    return {"PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(seconds)}


def for_prefect(
    given: Mapping[str, str], folder: Path, api_url: str, key: str | None = None, *, serving: bool = False
) -> dict[str, str]:
    """Return the variables to add to `given`: for a server of ours and its clients, or for clients of another one.

    In: FILE.d/prefect, where the database lies; the API's address; the key of a server of ours, whose profile, key and
    folder replace those that are given. NO_PROXY comes in both spellings, as each client reads another one.
    """
    defaults = QUIET | (SERVING if serving else {})
    direct = given.get("no_proxy") or given.get("NO_PROXY")
    added = {name: text for name, text in defaults.items() if name not in given} | {HOME: str(folder), API_URL: api_url}
    added |= dict.fromkeys(("NO_PROXY", "no_proxy"), f"{direct},{LOOPBACK}" if direct else LOOPBACK)
    if key is None:
        return added | {PROFILES: str(profiles_file(given))}
    return added | {
        PROFILES: str(folder / "profiles.toml"),
        PROFILE: "ephemeral",
        "PREFECT_API_AUTH_STRING": key,
        "PREFECT_SERVER_API_AUTH_STRING": key,
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": api_url.removesuffix("/api"),
        # The page asks where it came from, whatever name or tunnel led there.
        "PREFECT_UI_API_URL": "/api",
        # Prefect would unpack its page beside its code, which many users may not write.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "page"),
    }


def profiles_file(given: Mapping[str, str]) -> Path:
    """Return the file of the user's profiles, which need not be there."""
    named = given.get(PROFILES)
    home = Path(given.get(HOME) or "~/.prefect").expanduser()
    return Path(os.path.abspath(named or home / "profiles.toml"))


def their_settings(given: Mapping[str, str]) -> Mapping[str, str]:
    """Return what the environment and, below it, the active profile say. Raises RunFailed for a file that is broken."""
    file = profiles_file(given)
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        profile = told.get("profiles", {}).get(given.get(PROFILE) or told.get("active"), {})
        return {**{str(name): str(value) for name, value in profile.items()}, **given}
    except FileNotFoundError:
        return given
    except (OSError, ValueError, AttributeError, TypeError) as error:
        todo = "mend it, name another with PREFECT_PROFILES_PATH, or run with --direct"
        raise RunFailed("Prefect's profiles cannot be read", where=f"{file}: {error}", todo=todo) from error


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables: so they reach other processes and flows, and no `ps` shows them."""
    return {PREFIX + field.name.upper(): str(getattr(settings, field.name)) for field in fields(settings)}

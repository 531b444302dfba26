"""What is told when a run fails or is refused, and when a release is out: a command, an address, or both.

Nothing is told to anybody by default. The command gets the event as JSON on its standard input and is started without
a shell, so that no text of a document is ever a command. A hook that fails or hangs is a warning: how the run ended is
what counts. Rejected: Prefect automations alone (they live in one server's database, and `--direct` has no server).

What is told of a release is read from it when it is told, after the lock was let go: so no event says what was taken
down since. An event is sent once; a process that is killed just then sends none.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import duckdb

from flows.process import NO_HOME, OWN_ENVIRONMENT
from flows.settings import Settings, process_environment
from schemas.errors import NewsmartError, RunFailed
from warehouse.clock import as_text
from warehouse.db import Limits, release_connection
from warehouse.release.runs import run_id_of
from warehouse.sql_files import read_sql

COMMAND_SECONDS = 30.0
WEBHOOK_SECONDS = 5.0
MOST_HEADLINES = 20
MOST_CHARACTERS = 500


def notify_failure(
    settings: Settings, warehouse: str, status: str, error: str, run_id: str | None, folder: str | None = None
) -> tuple[str, ...]:
    """Tell the hooks that the settings name of a run that failed; the command starts in `folder`, else in this one.

    In: how the run ended (failed, refused, timed out, crashed), and its error. Returns a warning for each hook that
    failed; raises nothing.
    """
    event = {
        "event": "newsmart.run.failed",
        "status": status,
        "error": error,
        "warehouse": warehouse,
        "run_id": run_id,
    }
    return _tell(event, folder, ("on-failure command", settings.on_failure), ("webhook", settings.webhook))


def notify_published(
    settings: Settings, warehouse: Path, release: str | None, folder: str | None = None
) -> tuple[str, ...]:
    """Tell the hooks that the settings name of the release that a run has published, None where it has not."""
    command, address = settings.on_publish, settings.publish_webhook
    if release is None or not (command or address):
        return ()
    try:
        event = published_event(warehouse, Path(release))
    except RunFailed as error:
        return (f"nobody was told of the release: {error}",)
    return _tell(event, folder, ("on-publish command", command), ("publish webhook", address))


def _tell(
    event: Mapping[str, Any], folder: str | None, command: tuple[str, str], webhook: tuple[str, str]
) -> tuple[str, ...]:
    """Run the command and post to the address of the webhook; both come with a name for warnings, or are empty."""
    body = json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace")
    failures = (
        (command[0], _run_command(command[1], body, folder) if command[1] else None),
        (webhook[0], _post_in_time(webhook[1], body) if webhook[1] else None),
    )
    return tuple(f"the {name} {failure}" for name, failure in failures if failure is not None)


def _run_command(command: str, body: bytes, folder: str | None) -> str | None:
    """Run a command in a process group of its own: one that takes too long ends with all that it has started."""
    try:
        # Its output goes to stderr: the last line of stdout belongs to `--json`.
        with subprocess.Popen(
            shlex.split(command),
            stdin=subprocess.PIPE,
            stdout=sys.__stderr__,
            env=_users_environment(),
            cwd=folder,
            process_group=0,
        ) as process:
            try:
                process.communicate(body, COMMAND_SECONDS)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"did not run: {one_line(error)}"
    return f"ended with status {process.returncode}" if process.returncode else None


def _users_environment() -> dict[str, str]:
    own = OWN_ENVIRONMENT | {"HOME": NO_HOME}
    return {name: value for name, value in process_environment().items() if own.get(name) != value}


def _post_in_time(address: str, body: bytes) -> str | None:
    """Post in a thread that is left behind when it takes too long: no timeout of a socket covers a slow name server."""
    failures: list[str | None] = []
    thread = Thread(target=lambda: failures.append(_post(address, body)), daemon=True)
    thread.start()
    thread.join(2 * WEBHOOK_SECONDS)
    return failures[0] if failures else f"at {_host(address)} did not answer in time"


def _post(address: str, body: bytes) -> str | None:
    # Not at the top: HTTP takes 20 ms to import, and most runs tell no address.
    from http.client import HTTPException
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirect(HTTPRedirectHandler):
        """Takes a redirect for an error: the user named one address, and the event is for that one alone."""

        def redirect_request(self, *_: object) -> None:
            """Follow nowhere."""

    try:
        if urlsplit(address).scheme not in ("http", "https"):
            return "is no http(s) address"
        request = Request(address, data=body, headers={"Content-Type": "application/json"}, method="POST")
        with build_opener(NoRedirect).open(request, timeout=WEBHOOK_SECONDS):  # the scheme is checked above
            return None
    except (HTTPException, OSError, ValueError) as error:
        # The address may hold a token: the host alone is shown.
        return f"at {_host(address)} was not reached: {one_line(error)}"


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def one_line(error: object) -> str:
    """Return a text as one line that is not too long."""
    return " ".join(str(error).split())[:500] or type(error).__name__


def published_event(warehouse: Path, release: Path) -> dict[str, Any]:
    """Return the event of a release that was published, in plain values; what is not known is None.

    `articles` counts what the release changed against the one before (ops.release_change), `headlines` are up to 20 of
    its headlines that changed, those of the most cited articles first. Raises RunFailed where the release is gone.
    """
    try:
        with release_connection(release, sandboxed=True, limits=Limits(threads=1)) as connection:
            ((release_id, as_of, reason),) = connection.execute(read_sql("published", "release")).fetchall()
            counts = connection.execute(read_sql("published", "articles")).fetchall()[0]
            limits = {"most_characters": MOST_CHARACTERS, "most_headlines": MOST_HEADLINES}
            headlines = connection.execute(read_sql("published", "headlines"), limits).fetchall()
    except (NewsmartError, OSError, duckdb.Error) as error:
        raise RunFailed("the release is gone, or cannot be read", where=f"{release}: {error}") from error
    names = ("added", "changed", "merged", "departed", "withdrawn")
    if reason not in (None, "first_load"):
        counts = (None,) * len(names)  # it was compared with none, and so nobody knows what it changed
    return {
        "event": "newsmart.release.published",
        "warehouse": str(warehouse.absolute()),
        "run_id": run_id_of(as_of),
        "release_id": release_id,
        "path": str(release.absolute()),
        "as_of": as_text(as_of),
        "articles": dict(zip(names, counts, strict=True)),
        "headlines": [dict(zip(("url", "before", "after"), row, strict=True)) for row in headlines],
    }

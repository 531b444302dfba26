"""What happens when a run fails or is refused: a command, an address, or both, where the user named them.

Nothing is told to anybody by default. The command gets the event as JSON on its standard input and is started without
a shell, so that no text of a document is ever a command. A hook that fails is a warning: the run's own error is what
counts. Rejected: Prefect automations (they live in one server's database, and `--direct` has no server).
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flows.lean import OWN_ENVIRONMENT
from flows.settings import Settings, process_environment
from warehouse.run_state import status_of

COMMAND_SECONDS = 30.0
WEBHOOK_SECONDS = 5.0


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirect for an error: the user named one address, and the event is for that one alone."""

    def redirect_request(self, *_: object) -> None:
        """Follow nowhere."""


_opener = build_opener(_NoRedirect)


def notify_failure(settings: Settings, warehouse: Path, error: Exception, run_id: str | None = None) -> tuple[str, ...]:
    """Run the hooks that the settings name. Returns a warning for each that failed; raises nothing."""
    return tell_failure(settings, failure_event(str(warehouse), status_of(error), str(error), run_id))


def failure_event(warehouse: str, status: str, error: str, run_id: str | None = None) -> dict[str, Any]:
    """Return what hooks are told: plain values; `status` is failed, refused, timed out or crashed."""
    return {"event": "newsmart.run.failed", "status": status, "error": error, "warehouse": warehouse, "run_id": run_id}


def tell_failure(settings: Settings, event: Mapping[str, Any], folder: str | None = None) -> tuple[str, ...]:
    """Tell an event to the hooks that the settings name; the command starts in `folder`, else in the current one.

    Returns a warning for each that failed; raises nothing.
    """
    return tuple(_tell(settings, json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace"), folder))


def _tell(settings: Settings, body: bytes, folder: str | None) -> Iterator[str]:
    if settings.on_failure:
        yield from _run_command(settings.on_failure, body, folder)
    if settings.webhook:
        yield from _post(settings.webhook, body)


def _run_command(command: str, body: bytes, folder: str | None) -> Iterator[str]:
    try:
        # Its output goes to stderr: the last line of stdout belongs to `--json`.
        done = subprocess.run(
            shlex.split(command),
            input=body,
            stdout=sys.__stderr__,
            check=False,
            timeout=COMMAND_SECONDS,
            env=_users_environment(),
            cwd=folder,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        yield f"the on-failure command did not run: {_one_line(error)}"
        return
    if done.returncode:
        yield f"the on-failure command ended with status {done.returncode}"


def _users_environment() -> dict[str, str]:
    return {name: value for name, value in process_environment().items() if OWN_ENVIRONMENT.get(name) != value}


def _post(address: str, body: bytes) -> Iterator[str]:
    if urlsplit(address).scheme not in ("http", "https"):
        yield "the webhook is no http(s) address"
        return
    request = Request(address, data=body, headers={"Content-Type": "application/json"}, method="POST")
    try:
        with _opener.open(request, timeout=WEBHOOK_SECONDS):  # the scheme is checked above
            return
    except (URLError, OSError, ValueError) as error:
        # The address may hold a token: the host alone is shown.
        yield f"the webhook at {urlsplit(address).hostname} was not reached: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__

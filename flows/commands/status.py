"""What `newsmart status` tells, as an object, as text and for Prometheus; made from state.json and two small files.

Needs neither ledger, release nor server, so it answers while a run goes on and after one that failed.
"""

import math
import re
from datetime import datetime, timedelta
from typing import Any

from flows.scheduling.serving import read_serving
from schemas.errors import UsageError
from warehouse.clock import parse_moment
from warehouse.home import Home
from warehouse.lock import probe
from warehouse.release.told import BEHIND, CATCHING_UP, LEAST_AHEAD_SECONDS, is_told_behind, pin_of, shown_record
from warehouse.run_state import balance_before
from warehouse.state import State

AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)")
OLDEST_SECONDS = 36_525 * 86_400
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_age(text: str, option: str = "--max-age") -> timedelta:
    """Return the age that a text such as 90, 15m, 26h or 3d means. Raises UsageError for another, or over a century."""
    match = AGE.fullmatch(text.strip())
    age = float(match[1]) * UNITS[match[2]] if match else math.inf
    if age > OLDEST_SECONDS:
        raise UsageError(f"{option} takes an age such as 90s, 15m, 26h or 3d, at most 36525d", where=repr(text))
    return timedelta(seconds=age)


def status_object(home: Home, state: State, now: datetime) -> dict[str, Any]:
    """Return the status; ages in seconds, None where there is no release or the run has not ended.

    run_age_seconds counts from the end of the last run, also of one that failed or had nothing to do.
    """
    release = shown_record(home, state)
    holder = probe(home)
    return {
        "warehouse": str(home.file),
        "run": state.get("run"),
        "run_age_seconds": _age(state.get("run"), "finished_at", now),
        "balance": state.get("balance"),
        "balance_run_id": balance_before(state)[1],
        "release": release,
        "release_age_seconds": _age(release, "published_at", now),
        "data_age_seconds": _age(release, "as_of", now),
        "pin": pin_of(home, state),
        "is_behind": is_told_behind(state, release),
        "clock_ahead_seconds": _ahead(state, release, now),
        "unfinished_takedown_at": state.get("takedown"),
        "running": None if holder is None else str(holder),
        "next_run_due_at": _next_due(home),
        "quarantine_entries": len(state.get("quarantine", [])),
        "drift_fields": len(state.get("drift", [])),
    }


def _age(record: dict[str, Any] | None, name: str, now: datetime) -> float | None:
    """Return an age; what a clock that was wrong dates ahead of now has none yet."""
    if not record or not record.get(name):
        return None
    return max(0.0, (now - parse_moment(str(record[name]))).total_seconds())


def _ahead(state: State, release: dict[str, Any] | None, now: datetime) -> float:
    """Return by how many seconds the last as-of lies ahead of the clock: a clock was wrong, then or now."""
    told = [(state.get("run") or {}).get("as_of"), (release or {}).get("as_of")]
    return max([0.0, *((parse_moment(str(text)) - now).total_seconds() for text in told if text)])


def _next_due(home: Home) -> str | None:
    """Return when the scheduler that serves the warehouse will run next, None where none does."""
    serving = read_serving(home)
    return None if serving is None else serving.next_due_at


def is_stale(told: dict[str, Any], limit: timedelta, of: str = "release_age_seconds") -> bool:
    """Tell whether the release, or what else has an age, is older than the limit; where there is none, it is."""
    age = told[of]
    return age is None or age > limit.total_seconds()


def status_lines(told: dict[str, Any]) -> list[str]:
    """Return the status as lines for people."""
    run, release = told["run"] or {}, told["release"]
    lines = [f"warehouse  {told['warehouse']}"]
    if told["running"]:
        lines.append(f"running    {told['running']}")
    name = run.get("run_id") or "one that had no as-of yet"
    lines.append(f"last run   {name} {run.get('status')}, finished {run.get('finished_at')}")
    if run.get("error"):
        lines.append(f"           {run['error']}")
    if told["balance_run_id"] != run.get("run_id"):
        lines.append(f"balance    that of {told['balance_run_id']}: this run did not come so far")
    if release is None:
        lines.append("release    none yet")
    else:
        lines.append(
            f"release    {release['release_id']}, as of {release['as_of']}, "
            f"{duration(told['release_age_seconds'])} old: "
            f"{release['documents']:,} documents, {release['articles']:,} articles, {release['mentions']:,} mentions"
        )
    if told["pin"]:
        lines.append("pinned     by a rollback, until a run records something new or is told --full-refresh")
    elif told["is_behind"]:
        lines.append(f"behind     {BEHIND}")
    if told["clock_ahead_seconds"] >= LEAST_AHEAD_SECONDS:
        ahead = duration(told["clock_ahead_seconds"])
        lines.append(f"clock      the last as-of lies {ahead} ahead of it; {CATCHING_UP}")
    if told["unfinished_takedown_at"]:
        lines.append(f"takedown   of {told['unfinished_takedown_at']} was cut off: give `newsmart purge` again, or run")
    if told["next_run_due_at"]:
        lines.append(f"next run   due {told['next_run_due_at']}")
    lines.append(f"quarantine {told['quarantine_entries']:,} problems; {told['drift_fields']:,} unknown fields")
    return lines


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units, such as `3 d 4 h`."""
    rest = max(0, int(seconds))
    parts = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def status_prometheus(told: dict[str, Any]) -> str:
    """Return the status in Prometheus's text format, version 0.0.4; a gauge that is unknown is left out."""
    balance = told["balance"] or {}
    run, release = told["run"] or {}, told["release"] or {}
    gauges = [
        (
            "newsmart_release_age_seconds",
            "Seconds since the current release was published.",
            told["release_age_seconds"],
        ),
        ("newsmart_data_age_seconds", "Seconds since the as-of of the current release.", told["data_age_seconds"]),
        ("newsmart_last_run_age_seconds", "Seconds since the last run ended, however it did.", told["run_age_seconds"]),
        ("newsmart_last_run_ok", "1 where the last run published or had nothing to do.", _is_ok(run)),
        (
            "newsmart_release_behind",
            "1 where the ledger has something newer than the current release, pinned or not.",
            int(told["is_behind"]),
        ),
        ("newsmart_release_pinned", "1 where a rollback has pinned the release.", int(told["pin"] is not None)),
        (
            "newsmart_clock_ahead_seconds",
            "Seconds by which the last as-of lies ahead of the clock.",
            told["clock_ahead_seconds"],
        ),
        ("newsmart_quarantine_entries", "Problems in quarantine.", told["quarantine_entries"]),
        ("newsmart_drift_fields", "Fields that newsmart does not know.", told["drift_fields"]),
        ("newsmart_articles", "Articles in the current release.", release.get("articles")),
        ("newsmart_mentions", "Mentions in the current release.", release.get("mentions")),
        ("newsmart_run_seconds", "Seconds that the last run took.", _run_seconds(run)),
    ]
    lines = []
    for name, text, value in gauges:
        if value is not None:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {float(value):g}"]
    lines.append("# HELP newsmart_documents Documents of the last run that counted them, by class.")
    lines.append("# TYPE newsmart_documents gauge")
    lines += [f'newsmart_documents{{class="{name}"}} {count}' for name, count in balance.items()]
    return "\n".join(lines) + "\n"


def _is_ok(run: dict[str, Any]) -> int:
    return int(run.get("status") in ("published", "unchanged"))


def _run_seconds(run: dict[str, Any]) -> float | None:
    if not run.get("finished_at") or not run.get("started_at"):
        return None
    return max(0.0, (parse_moment(run["finished_at"]) - parse_moment(run["started_at"])).total_seconds())

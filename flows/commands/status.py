"""`newsmart status` as JSON, as text and for Prometheus; made from state.json and two small files.

Needs neither ledger, release nor server, so it answers while a run goes on and after one that failed.
"""

import argparse
import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flows.commands.output import print_json, say, settings_of, warn
from flows.commands.state import read_known_state
from flows.process import put
from flows.scheduling.serving import read_serving
from schemas.errors import UsageError
from schemas.text import counted
from warehouse.clock import parse_moment, utc_now
from warehouse.home import Home
from warehouse.lock import probe
from warehouse.release import differing, freshness
from warehouse.run_state import balance_before
from warehouse.state import Record, State

AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)")
OLDEST_SECONDS = 36_525 * 86_400
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
GAUGES = {
    "release_age_seconds": "Seconds since the current release was published.",
    "data_age_seconds": "Seconds since the as-of of the current release.",
    "last_run_age_seconds": "Seconds since the last run ended, however it did.",
    "last_run_ok": "1 where the last run published or had nothing to do.",
    "release_behind": "1 where the ledger has something newer than the current release, pinned or not.",
    "release_pinned": "1 where a rollback has pinned the release.",
    "clock_ahead_seconds": "Seconds by which the last as-of lies ahead of the clock.",
    "quarantine_entries": "Problems in quarantine.",
    "drift_fields": "Fields that newsmart does not know.",
    "articles": "Articles in the current release.",
    "mentions": "Mentions in the current release.",
    "run_seconds": "Seconds that the last run took.",
}


def status(options: argparse.Namespace) -> int:
    """Print the last run, the release and their ages. Returns 1 where one is older than its limit, or there is none."""
    oldest = settings_of(options).max_age
    limits = {
        "release_age_seconds": parse_age(oldest) if oldest else math.inf,
        "run_age_seconds": parse_age(options.max_run_age, "--max-run-age") if options.max_run_age else math.inf,
    }
    home, state = read_known_state(options)
    known = status_object(home, state, utc_now())
    if options.json or options.format == "json":
        print_json(known)
    elif options.format == "prometheus":
        put(status_prometheus(known))
    else:
        say(options, *status_lines(known))
    # What does not exist is older than any limit, where there is one.
    late = [age for age, limit in limits.items() if limit < (math.inf if known[age] is None else known[age])]
    for age in late:
        what = "the release" if age == "release_age_seconds" else "the last run"
        found = "there is none" if known[age] is None else f"it is {duration(known[age])} old"
        warn(f"{what} is older than it may be, {duration(limits[age])}: {found}")
    return int(bool(late))


def parse_age(text: str, option: str = "--max-age") -> float:
    """Return the seconds of an age such as 90, 15m, 26h or 3d. Raises UsageError for another, or over a century."""
    match = AGE.fullmatch(text.strip())
    age = float(match[1]) * UNITS[match[2]] if match else math.inf
    if age > OLDEST_SECONDS:
        raise UsageError(f"{option} takes an age such as 90s, 15m, 26h or 3d, at most 36525d", where=repr(text))
    return age


def status_object(home: Home, state: State, now: datetime) -> dict[str, Any]:
    """Return the status; ages in seconds, None where there is no release or the run has not ended."""
    run, release = state.get("run"), freshness.shown_record(home, state)
    holder, serving = probe(home), read_serving(home)
    as_ofs = [record.get("as_of") for record in (run, release) if record and record.get("as_of")]
    # Ahead of the clock: a clock was wrong, then or now.
    ahead = [(parse_moment(str(as_of)) - now).total_seconds() for as_of in as_ofs]
    return {
        "warehouse": str(home.file),
        "run": run,
        "run_age_seconds": _age(run, "finished_at", now),
        "balance": state.get("balance"),
        "balance_run_id": balance_before(state)[1],
        "release": release,
        "release_age_seconds": _age(release, "published_at", now),
        "data_age_seconds": _age(release, "as_of", now),
        "pin": freshness.pin_of(home, state),
        "is_behind": freshness.is_reported_behind(state, release),
        "differing": differing.told(home),
        "clock_ahead_seconds": max([0.0, *ahead]),
        "unfinished_takedown_at": state.get("takedown"),
        "running": None if holder is None else str(holder),
        "next_run_due_at": None if serving is None else serving.next_due_at,
        "quarantine_entries": len(state.get("quarantine", [])),
        "drift_fields": len(state.get("drift", [])),
    }


def _age(record: Record | None, name: str, now: datetime) -> float | None:
    """Return an age; 0 for what a clock that was wrong dates ahead of now."""
    if not record or not record.get(name):
        return None
    return max(0.0, (now - parse_moment(str(record[name]))).total_seconds())


def status_lines(known: dict[str, Any]) -> Iterator[str]:
    """Yield the status as lines for people."""
    run, release = known["run"] or {}, known["release"]
    yield f"warehouse  {known['warehouse']}"
    if known["running"]:
        yield f"running    {known['running']}"
    name = run.get("run_id") or "one that had no as-of yet"
    yield f"last run   {name} {run.get('status')}, finished {run.get('finished_at')}"
    if run.get("error"):
        yield f"           {run['error']}"
    if known["balance_run_id"] != run.get("run_id"):
        yield f"balance    that of {known['balance_run_id']}: this run did not come so far"
    if release is None:
        yield "release    none yet"
    else:
        held = (counted(release[f"{noun}s"], noun) for noun in ("document", "article", "mention"))
        age = duration(known["release_age_seconds"])
        yield f"release    {release['release_id']}, as of {release['as_of']}, {age} old: {', '.join(held)}"
    yield from _warnings(known)
    if known["next_run_due_at"]:
        yield f"next run   due {known['next_run_due_at']}"
    problems, fields = counted(known["quarantine_entries"], "problem"), counted(known["drift_fields"], "unknown field")
    yield f"quarantine {problems}; {fields}"


def _warnings(known: dict[str, Any]) -> Iterator[str]:
    if known["pin"]:
        yield "pinned     by a rollback, until a run records something new or is told --full-refresh"
    elif known["is_behind"]:
        yield f"behind     {freshness.BEHIND}"
    if known["differing"]:
        yield f"differs    {known['differing']}"
    if known["clock_ahead_seconds"] >= freshness.LEAST_AHEAD_SECONDS:
        ahead = duration(known["clock_ahead_seconds"])
        yield f"clock      the last as-of lies {ahead} ahead of it; {freshness.CATCHING_UP}"
    if known["unfinished_takedown_at"]:
        yield f"takedown   of {known['unfinished_takedown_at']} was cut off: give `newsmart purge` again, or run"


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units, such as `3 d 4 h`."""
    rest = max(0, int(seconds))
    parts = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def status_prometheus(known: dict[str, Any]) -> str:
    """Return the status in Prometheus's text format, version 0.0.4; a gauge that is unknown is left out."""
    run, release = known["run"] or {}, known["release"] or {}
    values = {
        **known,
        "last_run_age_seconds": known["run_age_seconds"],
        "last_run_ok": run.get("status") in ("published", "unchanged"),
        "release_behind": known["is_behind"],
        "release_pinned": known["pin"] is not None,
        "articles": release.get("articles"),
        "mentions": release.get("mentions"),
        "run_seconds": _age(run, "started_at", parse_moment(run["finished_at"])) if run.get("finished_at") else None,
    }
    lines = []
    for name, text in GAUGES.items():
        if values[name] is not None:
            metric = f"newsmart_{name}"
            lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", f"{metric} {float(values[name]):g}"]
    lines.append("# HELP newsmart_documents Documents of the last run that counted them, by class.")
    lines.append("# TYPE newsmart_documents gauge")
    lines += [f'newsmart_documents{{class="{name}"}} {count}' for name, count in (known["balance"] or {}).items()]
    return "\n".join(lines) + "\n"

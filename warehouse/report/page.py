"""The page: a release's answers put into page.html.jinja, with everything of the data escaped.

News text is written by strangers. Three fences stand between it and the reader's browser: Jinja escapes every value,
control characters and direction overrides are shown instead of obeyed (and each text is isolated by `<bdi>`), and the
page's own content security policy forbids scripts, pictures, fonts and connections of any kind. Only an address that
begins with http:// or https:// becomes a link; nothing is loaded from it.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from schemas.text import counted
from warehouse.clock import utc_now
from warehouse.db import Limits, release_connection
from warehouse.queries.recipes import bound_values, recipe_sql
from warehouse.queries.values import visible
from warehouse.report import shapes
from warehouse.report.shapes import Rows
from warehouse.sql_files import fetch_records, read_sql, sql_names
from warehouse.state import State

RECIPES = {
    "changes": "changed_since_last_release",
    "cited": "most_cited_articles",
    "conflicts": "conflicts_by_field",
    "freshness": "freshness",
    "movers": "score_movement",
    "rising": "topics_on_the_rise",
}
RUN_KINDS = ("new", "changed", "touched", "unchanged", "quarantined", "removed")
# Rows of a list of the first screen, and of any other.
SHORT, LONG = 6, 50
RELATION = itemgetter("relation", "meaning")
NO_RUN: Mapping[str, Any] = {"status": None, "as_of": None, "error": None}


def ask(release: Path) -> dict[str, Rows]:
    """Return what the page shows of a release: the rows of each file in sql/report and of each recipe, by name.

    Raises RunFailed where the release is absent or damaged.
    """
    with release_connection(release, sandboxed=True, limits=Limits(threads=2)) as connection:
        answers: dict[str, Rows] = {"release": fetch_records(connection, "from ops.release")}
        for name in sql_names("report"):
            if name != "network_edges":
                answers[name] = fetch_records(connection, read_sql("report", name))
        drawn = {"article_keys": [row["article_key"] for row in answers["network_articles"]]}
        answers["network_edges"] = fetch_records(connection, read_sql("report", "network_edges"), drawn)
        for name, recipe in RECIPES.items():
            # A release of contract version 1 does not say what changed.
            if name == "changes" and answers["release"][0].get("previous_release_id") is None:
                answers[name] = []
                continue
            sql = recipe_sql(recipe)
            answers[name] = fetch_records(connection, sql, bound_values(sql, ()))
    return answers


def render(release: Path, state: State | None, now: datetime | None = None) -> str:
    """Return a release as one HTML page, which loads nothing and holds no script.

    In: the release's file, or FILE; what state.json says of the last run, which may have published nothing; the moment
    of making (naive UTC; now where none is given). Raises RunFailed where the release is absent or damaged.
    """
    answers = ask(release)
    (of_release,) = answers["release"]
    made_at = now or utc_now()
    quarantine = answers["quarantine"] if state is None else state.get("quarantine", answers["quarantine"])
    reasons = Counter(str(entry["reason"]) for entry in quarantine).most_common()
    rising = [row for row in answers["rising"] if row["difference"] > 0]
    kinds = [kind for kind in RUN_KINDS if any(run[f"documents_{kind}"] for run in answers["runs"])]
    changed = Counter[str]()
    for row in answers["changes"]:
        changed[row["kind"]] += row["articles"]
    style = _file("page.css")
    return _template().render(
        **{
            **answers,
            "release": of_release,
            "freshness": answers["freshness"][0],
            "cited": answers["cited"][:SHORT],
            "rising": rising[:SHORT],
            "quarantine": quarantine,
        },
        changed=changed,
        reasons=[{"reason": reason, "count": count} for reason, count in reasons],
        last_run={**NO_RUN, **({} if state is None else state.get("run", {}))},
        network=shapes.network(answers["network_articles"], answers["network_edges"]),
        kinds=kinds,
        tables=[(*head, list(rows)) for head, rows in groupby(answers["dictionary"], RELATION)],
        shapes=shapes,
        made_at=made_at,
        hours_old=max(0.0, (made_at - of_release["as_of"]).total_seconds() / 3600),
        longest=LONG,
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(text=_text, shown=visible, link=_link, number=_number, moment=_moment, counted=counted)
    return environment.from_string(_file("page.html.jinja"))


def _file(name: str) -> str:
    return (files("warehouse") / "report" / name).read_text(encoding="utf-8")


def _text(value: object) -> Markup:
    """Return text of the data: escaped, with nothing hidden in it, and isolated from the text around it."""
    return Markup("–") if value is None else Markup("<bdi>{}</bdi>").format(visible(str(value)))


def _link(url: str | None, text: str | None) -> Markup:
    """Return the text as a link, or as text where the address is not one that a browser should follow."""
    shown = _text(text if text else url)
    if url is None or not url.lower().startswith(("http://", "https://")):
        return shown
    return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(url, shown)


def _number(value: float | int | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _moment(value: object, *, is_day: bool = False) -> Markup:
    """Return a time of the data (a value, or ISO 8601 text of state.json) as `2026-11-20 08:15 UTC`, or a day."""
    if value is None:
        return Markup("–")
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and not is_day:
        return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%S}Z">{:%Y-%m-%d %H:%M} UTC</time>').format(value, value)
    if isinstance(value, date):
        return Markup('<time datetime="{0:%Y-%m-%d}">{0:%Y-%m-%d}</time>').format(value)
    return Markup("{}").format(str(value))

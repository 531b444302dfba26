"""The page: answers and drawings put into page.html.jinja, with everything of the data escaped.

News text is written by strangers. Three fences stand between it and the reader's browser: Jinja escapes every value,
control characters and direction overrides are shown instead of obeyed (and each text is isolated by `<bdi>`), and the
page's own content security policy forbids scripts, pictures, fonts and connections of any kind. Only an address that
begins with http:// or https:// becomes a link; nothing is loaded from it.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from warehouse.queries.render import visible
from warehouse.report import charts
from warehouse.report.network import Node, lay_out
from warehouse.report.questions import Answers, Rows, ask
from warehouse.state import State

RUN_KINDS = ("new", "changed", "touched", "unchanged", "quarantined", "removed")
LONGEST_LIST = 50
NO_RUN: Mapping[str, Any] = {"status": None, "as_of": None, "error": None}


def render_page(release: Path, state: State | None, now: datetime | None) -> str:
    """Return the page; `warehouse.report.render` tells of it."""
    answers = ask(release)
    nodes = lay_out(answers.network_articles, answers.network_edges)
    made_at = now if now is not None else datetime.now(UTC).replace(tzinfo=None)
    quarantine = answers.quarantine if state is None else state.get("quarantine", answers.quarantine)
    reasons = _counted(quarantine)
    style = _file("page.css")
    return _template().render(
        answers=answers,
        quarantine=quarantine,
        reasons=reasons,
        last_run={**NO_RUN, **({} if state is None else state.get("run", {}))},
        nodes=nodes,
        drawn=_drawings(answers, nodes, reasons),
        kinds=RUN_KINDS,
        made_at=made_at,
        hours_old=max(0.0, (made_at - answers.release["as_of"]).total_seconds() / 3600),
        longest=LONGEST_LIST,
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _drawings(answers: Answers, nodes: Sequence[Node], reasons: Rows) -> dict[str, charts.Drawn]:
    """Draw what has something to show; the template says in words what is empty."""
    kinds = [kind for kind in RUN_KINDS if any(run[f"documents_{kind}"] for run in answers.runs)]
    wanted: dict[str, tuple[object, charts.Drawing]] = {
        "runs": (kinds, charts.runs(answers.runs, kinds)),
        "coverage": (answers.coverage, charts.coverage(answers.coverage)),
        "topics": (answers.topics, charts.bars(answers.topics, "topic", "article_count", "articles")),
        "providers": (answers.providers, charts.bars(answers.providers, "domain", "article_count", "articles")),
        "quality": (answers.quality, charts.quality(answers.quality)),
        "movement": (len(answers.score_movement) > 1, charts.movement(answers.score_movement)),
        "network": (nodes, charts.network(nodes)),
        "quarantine": (reasons, charts.bars(reasons, "reason", "count", "problems")),
        "conflicts": (answers.conflicts, charts.bars(answers.conflicts, "field", "losing_value_count", "values lost")),
    }
    return {name: charts.draw(name, drawing) for name, (has_data, drawing) in wanted.items() if has_data}


def _counted(quarantine: Sequence[Mapping[str, Any]]) -> Rows:
    counts = Counter(str(entry["reason"]) for entry in quarantine)
    return [{"reason": reason, "count": count} for reason, count in counts.most_common()]


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(told=_told, shown=visible, link=_link, number=_number, moment=_moment, svg=Markup)
    return environment.from_string(_file("page.html.jinja"))


def _file(name: str) -> str:
    return (files("warehouse") / "report" / name).read_text(encoding="utf-8")


def _told(value: object) -> Markup:
    """Return text of the data: escaped, with nothing hidden in it, and isolated from the text around it."""
    return Markup("–") if value is None else Markup("<bdi>{}</bdi>").format(visible(str(value)))


def _link(url: str | None, text: str | None) -> Markup:
    """Return the text as a link, or as text where the address is not one that a browser should follow."""
    shown = _told(text if text else url)
    if url is None or not url.lower().startswith(("http://", "https://")):
        return shown
    return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(url, shown)


def _number(value: float | int | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _moment(value: object) -> Markup:
    """Return a time of the data (a value, or ISO 8601 text of state.json) as `2026-11-20 08:15 UTC`, or a day."""
    if value is None:
        return Markup("–")
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return Markup('<time datetime="{}Z">{} UTC</time>').format(
            value.strftime("%Y-%m-%dT%H:%M:%S"), value.strftime("%Y-%m-%d %H:%M")
        )
    day = value.isoformat() if isinstance(value, date) else escape(str(value))
    return Markup('<time datetime="{0}">{0}</time>').format(day)

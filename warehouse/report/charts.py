"""The charts, drawn: rows in, SVG out. The only module that imports the charting libraries.

Each chart is drawn twice, for a wide and for a narrow screen: one SVG scaled down to a phone would have letters of five
pixels. Colours are names of the page's CSS variables, which the browser resolves inside an inline SVG, so one drawing
serves the light and the dark page. Text of the data goes through `visible`, as on a terminal: a direction override in
a topic must not turn the chart's labels round.

The libraries' own descriptions of each mark are switched off: hundreds of them are noise to a screen reader, which
gets the chart's caption and the table below it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import altair as alt
import vl_convert

from warehouse.queries.render import unique_names, visible
from warehouse.report.network import Node
from warehouse.report.questions import Rows

WIDE, NARROW = 720, 330
LONGEST_LABEL = 34
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
SERIES = ("var(--first)", "var(--second)", "var(--third)", "var(--fourth)", "var(--rest)")

CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--quiet)",
        "titleColor": "var(--quiet)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "header": {"labelColor": "var(--ink)", "labelFontSize": 12, "titleColor": "var(--quiet)"},
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "orient": "top",
        "direction": "horizontal",
        "title": None,
    },
}

# Facets know no `fit`: Vega-Lite sizes their cells, so those charts leave room for their axes themselves.
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
FACET_MARGIN = 44

# Two decimals of a pixel are enough; Vega writes up to fifteen.
GEOMETRY = re.compile(r' (?:d|transform|x2|y2)="[^"]*"')
LONG_NUMBER = re.compile(r"(\.\d\d)\d+")

Record = dict[str, Any]
Drawing = Callable[[int], alt.TopLevelMixin]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart as two SVG texts, for a wide and for a narrow screen."""

    wide: str
    narrow: str


def draw(name: str, drawing: Drawing) -> Drawn:
    """Return the chart at both widths. `name` is unique in the page: it keeps the SVGs' ids apart."""
    return Drawn(_svg(drawing(WIDE), f"{name}-wide"), _svg(drawing(NARROW), f"{name}-narrow"))


def _svg(chart: alt.TopLevelMixin, name: str) -> str:
    spec = {**chart.to_dict(), "config": CONFIG}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    svg = GEOMETRY.sub(lambda found: LONG_NUMBER.sub(r"\1", found[0]), svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def coverage(rows: Rows) -> Drawing:
    """Stacked bars over time, each as wide as its period: articles with a document, and above them the others."""
    kinds = ["with a document", "only mentioned"]
    values = [
        {"starts": _day(row["starts"]), "ends": _day(row["ends"]), "kind": kind, "from": low, "to": high}
        for row in rows
        for kind, low, high in (
            (kinds[0], 0, row["with_document"]),
            (kinds[1], row["with_document"], row["with_document"] + row["only_mentioned"]),
        )
    ]
    color = alt.Color("kind:N").scale(domain=kinds, range=list(SERIES[:2]))
    return lambda width: (
        _chart(values)
        .mark_bar(stroke="var(--page)", strokeWidth=0.5)
        .encode(
            x=alt.X("starts:T").scale(type="utc").title(None).axis(tickCount=width // 90, labelOverlap=True),
            x2="ends:T",
            y=alt.Y("from:Q").title("articles").axis(tickCount=5),
            y2="to:Q",
            color=color,
        )
        .properties(width=width, height=240, autosize=FIT)
    )


def bars(rows: Rows, name: str, value: str, title: str) -> Drawing:
    """Horizontal bars with their values written out, the longest first as the rows come."""
    names = unique_names([label(row[name]) for row in rows])
    values = [{"place": place, "name": names[place], "value": row[value]} for place, row in enumerate(rows)]
    longest = max((row[value] for row in rows), default=0)

    def drawing(width: int) -> alt.TopLevelMixin:
        names_axis = alt.Axis(ticks=False, domain=False, labelPadding=6, labelLimit=width * 2 // 5)
        base = _chart(values).encode(
            y=alt.Y("name:N").sort(field="place").title(None).axis(names_axis),
            x=alt.X("value:Q").title(title).axis(tickCount=4, grid=False).scale(domain=[0, longest * (1 + 50 / width)]),
        )
        layers = (
            base.mark_bar(color="var(--first)", height={"band": 0.7}),
            base.mark_text(align="left", dx=4, color="var(--ink)", fontSize=12).encode(
                text=alt.Text("value:Q").format(",")
            ),
        )
        return alt.layer(*layers).properties(width=width, height=alt.Step(24), autosize=FIT)

    return drawing


def runs(rows: Rows, kinds: Sequence[str]) -> Drawing:
    """A row of bars for each kind of document, each on its own scale: few changes show beside many new ones."""
    values = [
        {"place": place, "run": _minute(row["as_of"]), "kind": kind, "documents": row[f"documents_{kind}"]}
        for place, row in enumerate(rows)
        for kind in kinds
    ]
    color = alt.Color("kind:N").scale(domain=list(kinds), range=_run_colors(kinds)).legend(None)
    return lambda width: (
        _chart(values)
        .mark_bar(width={"band": 0.7})
        .encode(
            x=alt.X("run:N").sort(field="place").title(None).axis(labelAngle=-40, labelOverlap=True, ticks=False),
            y=alt.Y("documents:Q").title(None).axis(tickCount=2, tickMinStep=1),
            color=color,
            row=alt.Row("kind:N")
            .sort(list(kinds))
            .title(None)
            .header(labelAngle=0, labelAnchor="start", labelOrient="top", labelPadding=4),
        )
        .properties(width=width - FACET_MARGIN, height=52)
        .resolve_scale(y="independent")
    )


def _run_colors(kinds: Sequence[str]) -> list[str]:
    special = {"unchanged": "var(--rest)", "quarantined": "var(--alarm)", "removed": "var(--alarm)"}
    return [special.get(kind, "var(--first)") for kind in kinds]


def quality(rows: Rows) -> Drawing:
    """A histogram of quality, ten points a bar."""
    values = [
        {"from": row["quality_from"], "to": row["quality_to"], "articles": row["article_count"], "zero": 0}
        for row in rows
    ]
    return lambda width: (
        _chart(values)
        .mark_bar(color="var(--first)", stroke="var(--page)")
        .encode(
            x=alt.X("from:Q").title("quality, points").axis(tickCount=width // 60),
            x2="to:Q",
            y=alt.Y("zero:Q").title("articles").axis(tickCount=5),
            y2="articles:Q",
        )
        .properties(width=width, height=200, autosize=FIT)
    )


def movement(rows: Rows) -> Drawing:
    """Two lines over the releases: mean quality and mean heat, each on its own scale."""
    kinds = {"average_quality": "mean quality, points", "average_heat": "mean heat, points"}
    values = [
        {"at": _minute(row["as_of"], "T") + "Z", "kind": kind, "mean": row[name]}
        for row in rows
        for name, kind in kinds.items()
        if row[name] is not None
    ]
    present = [kind for kind in kinds.values() if any(value["kind"] == kind for value in values)]
    return lambda width: (
        _chart(values)
        .mark_line(color="var(--first)", interpolate="step-after", point={"color": "var(--first)", "size": 36})
        .encode(
            x=alt.X("at:T").scale(type="utc").title(None).axis(tickCount=width // 110, labelOverlap=True),
            y=alt.Y("mean:Q").scale(zero=False, padding=8).title(None).axis(tickCount=4),
            row=alt.Row("kind:N")
            .sort(present)
            .title(None)
            .header(labelAngle=0, labelAnchor="start", labelOrient="top", labelPadding=4),
        )
        .properties(width=width - FACET_MARGIN, height=90)
        .resolve_scale(y="independent")
    )


def network(nodes: Sequence[Node]) -> Drawing:
    """Dots and lines: an article with its number, larger the more list it, coloured by its provider."""
    leading = _leading([node.article["provider_domain"] for node in nodes])
    at = {node.number: node for node in nodes}
    dots = [
        {
            "x": node.x,
            "y": node.y,
            "number": str(node.number),
            "cited": node.article["cited_by_count"],
            "provider": _provider(node.article["provider_domain"], leading),
        }
        for node in nodes
    ]
    lines = [
        {"x": node.x, "y": node.y, "x2": at[other].x, "y2": at[other].y}
        for node in nodes
        for other in node.linked
        if other > node.number
    ]
    domain = [*leading, *(["others"] if any(dot["provider"] == "others" for dot in dots) else [])]
    color = alt.Color("provider:N").scale(domain=domain, range=[*SERIES[: len(leading)], SERIES[-1]])
    across, down = _place("x"), _place("y")
    return lambda width: alt.layer(
        _chart(lines).mark_rule(color="var(--edge)", strokeWidth=1).encode(x=across, y=down, x2="x2:Q", y2="y2:Q"),
        _chart(dots)
        .mark_circle(opacity=1, stroke="var(--page)", strokeWidth=1)
        .encode(
            x=across,
            y=down,
            size=alt.Size("cited:Q").scale(range=[190, 240 + width // 2]).legend(None),
            color=color.legend(columns=2 if width < WIDE else 5),
        ),
        _chart(dots)
        .mark_text(color="var(--on-dot)", fontSize=8 if width < WIDE else 9, fontWeight="bold")
        .encode(x=across, y=down, text="number:N"),
    ).properties(width=width, height=min(width, 520), autosize=FIT)


def _place(name: str) -> Any:
    kind = alt.X if name == "x" else alt.Y
    return kind(f"{name}:Q").axis(None).scale(zero=False, nice=False, padding=16)


def _leading(domains: Sequence[str | None]) -> list[str]:
    """Return the labels of the four providers with the most articles, the most frequent first."""
    labels = [label(domain) for domain in domains if domain is not None]
    return sorted(set(labels), key=lambda one: (-labels.count(one), one))[: len(SERIES) - 1]


def _provider(domain: str | None, leading: Sequence[str]) -> str:
    return label(domain) if domain is not None and label(domain) in leading else "others"


def label(text: str) -> str:
    """Return text of the data as a chart's label: nothing hidden, not too long."""
    shown = visible(text)
    return shown if len(shown) <= LONGEST_LABEL else shown[: LONGEST_LABEL - 1] + "…"


def _chart(values: list[Record]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=values))


def _day(value: date) -> str:
    return value.isoformat() + "T00:00:00Z"


def _minute(value: datetime, between: str = " ") -> str:
    return value.strftime(f"%Y-%m-%d{between}%H:%M")

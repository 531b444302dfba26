"""Numbers as shapes: how long a bar is, where a point of time lies, which arc joins two rows.

Charts are stretched to the width that there is, and their texts are HTML beside them; so shapes are in units of a box
of WIDTH by HEIGHT, whatever the screen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import rustworkx

Row = Mapping[str, Any]
Rows = Sequence[Row]

WIDTH, HEIGHT = 1000, 100
# One value so many times as large as the next is drawn apart: otherwise nothing but it would be seen.
HUGE = 8
# Heights of a row of the arcs' list, and its arcs' greatest reach.
ROW, REACH = 20, 56
MOST_LINKED = 40


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares of a full bar, in percent, one a row; `cut` of them are longer than a full bar."""

    shares: tuple[float, ...]
    cut: int


def bars(rows: Rows, name: str) -> Bars:
    """Return a bar for each row, by one column of counts."""
    values = [max(row[name] or 0, 0) for row in rows]
    top = ceiling(values or [0])
    shares = tuple(round(100 * min(value, top) / top, 1) for value in values)
    return Bars(shares, sum(value > top for value in values))


@dataclass(frozen=True, slots=True)
class Column:
    """A bar on an axis: its place and size, and whether it is cut at the top."""

    x: float
    y: float
    width: float
    height: float
    series: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns or a path over an axis from `low` to `high`, at most `ceiling` high."""

    low: Any
    high: Any
    ceiling: float
    floor: float = 0
    columns: tuple[Column, ...] = ()
    path: str = ""

    @property
    def cut(self) -> int:
        """How many columns are higher than the chart."""
        return len({column.x for column in self.columns if column.is_cut})


def ceiling(totals: Sequence[float]) -> float:
    """Return the height of a chart: its highest value, unless that one value is far above all others."""
    top, *rest = sorted(totals, reverse=True)
    return ceil(1.25 * max(rest[0], 1)) if rest and top > HUGE * max(rest[0], 1) else max(top, 1)


def columns(rows: Rows, start: str, end: str, series: Sequence[str]) -> Chart:
    """Return stacked columns, each as wide as its span on the axis; of no width where start and end are one."""
    low, high = min(row[start] for row in rows), max(row[end] for row in rows)
    top = ceiling([sum(row[name] for name in series) for row in rows])
    made = []
    for row in rows:
        left, right = _place(row[start], low, high), _place(row[end], low, high)
        height = 0.0
        for number, name in enumerate(series):
            below, height = height, height + row[name]
            shown = [min(value, top) * HEIGHT / top for value in (below, height)]
            size = round(shown[1] - shown[0], 2)
            made.append(Column(left, round(HEIGHT - shown[1], 2), round(right - left, 2), size, number, height > top))
    return Chart(low, high, top, columns=tuple(column for column in made if column.height))


def steps(rows: Rows, at: str, name: str) -> Chart | None:
    """Return a line that holds each value until the next; None where there are not two."""
    known = [row for row in rows if row[name] is not None]
    if len(known) < 2:
        return None
    low, high = known[0][at], known[-1][at]
    least, most = min(row[name] for row in known), max(row[name] for row in known)
    points = [(_place(row[at], low, high), round(HEIGHT - _share(row[name], least, most) * HEIGHT, 2)) for row in known]
    path = f"M{points[0][0]},{points[0][1]}" + "".join(f"H{x}V{y}" for x, y in points[1:])
    return Chart(low, high, most, least, path=path)


def _place(value: Any, low: Any, high: Any) -> float:
    return round(_share(value, low, high) * WIDTH, 2)


def _share(value: Any, low: Any, high: Any) -> float:
    return 0.5 if low == high else float((value - low) / (high - low))


@dataclass(frozen=True, slots=True)
class Linked:
    """An article in the list of linked ones: its story, and whether it is the first of it."""

    article: Row
    story: int
    is_first: bool
    link_count: int


@dataclass(frozen=True, slots=True)
class Network:
    """Articles that list one another, a row each, and the arcs that join the rows."""

    rows: tuple[Linked, ...]
    arcs: tuple[str, ...]
    story_count: int


def network(articles: Rows, edges: Rows) -> Network:
    """Return the linked articles story by story, the largest first, and an arc for each link.

    A story is a connected component. Stories that would make the list longer than MOST_LINKED are left out.
    """
    graph: Any = rustworkx.PyGraph()
    place = {article["article_key"]: graph.add_node(article) for article in articles}
    graph.add_edges_from_no_data([(place[one["article_key"]], place[one["other_article_key"]]) for one in edges])
    stories = [sorted(part) for part in rustworkx.connected_components(graph) if len(part) > 1]
    stories.sort(key=lambda part: (-len(part), part[0]))
    shown: list[list[int]] = []
    for part in stories:
        if sum(map(len, shown)) + len(part) <= MOST_LINKED or not shown:
            shown.append(part[:MOST_LINKED])
    order = {node: row for row, node in enumerate(node for part in shown for node in part)}
    rows = tuple(
        Linked(graph[node], number, node == part[0], graph.degree(node))
        for number, part in enumerate(shown, 1)
        for node in part
    )
    ends = [sorted((order[one], order[other])) for one, other in graph.edge_list() if {one, other} <= order.keys()]
    return Network(rows, tuple(_arc(top, bottom) for top, bottom in sorted(ends)), len(stories))


def _arc(top: int, bottom: int) -> str:
    """Return a half ellipse from one row to another; far rows have a wider one, up to the reach."""
    first, last = ROW * top + ROW / 2, ROW * bottom + ROW / 2
    across = min(REACH - 4, 8 + 4 * (bottom - top))
    return f"M{REACH},{first}A{across},{(last - first) / 2} 0 0 0 {REACH},{last}"

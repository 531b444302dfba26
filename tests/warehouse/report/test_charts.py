"""The charts hold a mark for each value, as long as the value says, and no label can break out of the drawing."""

import re
from datetime import date, datetime

import pytest

from tests.warehouse.report.pages import labels, marks
from warehouse.report import charts
from warehouse.report.network import Node, lay_out

HOSTILE = ["</svg><script>alert(1)</script>", "\u202eevil", "'] + alert(1) + ['", "datum.value", "&amp;", "x" * 400]


def _bars(names: list[str], values: list[int]) -> charts.Drawn:
    rows = [{"name": name, "value": value} for name, value in zip(names, values, strict=True)]
    return charts.draw("bars", charts.bars(rows, "name", "value", "articles"))


def _width(path: str | None) -> float:
    found = re.fullmatch(r"M0,[\d.]+h([\d.]+)v[\d.]+h-[\d.]+Z", path or "")
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_each_bar_is_as_long_as_its_value(size: str) -> None:
    values = [400, 300, 200, 100, 50]
    svg = getattr(_bars(list("abcde"), values), size)
    found = [_width(mark.get("d")) for mark in marks(svg, "rect")]
    assert [round(width / found[0] * 400) for width in found] == values
    assert [mark.text for mark in marks(svg, "text")] == ["400", "300", "200", "100", "50"]


def test_hostile_labels_stay_text() -> None:
    svg = _bars(HOSTILE, list(range(len(HOSTILE), 0, -1))).wide
    assert len(marks(svg, "rect")) == len(HOSTILE)
    shown = " ".join(labels(svg))
    assert "</svg><script>" in shown
    assert "\\u202eevil" in shown
    assert "datum.value" in shown
    assert "script" not in {element.rsplit("}", 1)[-1] for element in _tags(svg)}


def _tags(svg: str) -> set[str]:
    return set(re.findall(r"<(\w+)", svg))


def test_two_labels_that_look_alike_are_two_bars() -> None:
    svg = _bars(["x" * 50 + "a", "x" * 50 + "b"], [2, 1]).wide
    assert len(marks(svg, "rect")) == 2


def test_coverage_has_two_bars_a_period() -> None:
    rows = [
        {"starts": date(2026, month, 1), "ends": date(2026, month + 1, 1), "with_document": month, "only_mentioned": 2}
        for month in range(1, 7)
    ]
    drawn = charts.draw("coverage", charts.coverage(rows))
    assert len(marks(drawn.wide, "rect")) == len(marks(drawn.narrow, "rect")) == 12
    assert {"with a document", "only mentioned"} <= set(labels(drawn.wide))


def test_runs_have_a_bar_for_each_kind() -> None:
    rows = [{"as_of": datetime(2026, 11, day), "documents_new": 9, "documents_removed": 1} for day in (1, 2, 3)]
    svg = charts.draw("runs", charts.runs(rows, ["new", "removed"])).wide
    assert len(marks(svg, "rect")) == 6
    assert {"new", "removed", "2026-11-01 00:00"} <= set(labels(svg))


def test_quality_has_a_bar_for_each_ten_points() -> None:
    rows = [{"quality_from": low, "quality_to": low + 10, "article_count": low + 1} for low in (0, 10, 40)]
    assert len(marks(charts.draw("quality", charts.quality(rows)).wide, "rect")) == 3


def test_movement_has_a_point_for_each_mean_that_is_known() -> None:
    rows = [
        {"as_of": datetime(2026, 11, day), "average_quality": 50 + day, "average_heat": None if day < 3 else 7}
        for day in (1, 2, 3)
    ]
    svg = charts.draw("movement", charts.movement(rows)).wide
    assert len(marks(svg, "symbol")) == 4
    assert {"mean quality, points", "mean heat, points"} <= set(labels(svg))


def test_ids_of_two_charts_never_meet() -> None:
    one, other = _bars(["a"], [1]), charts.draw("other", charts.quality([]))
    ids = [re.findall(r'\bid="([^"]*)"', svg) for svg in (one.wide, one.narrow, other.wide, other.narrow)]
    assert sum(map(len, ids)) == len(set().union(*ids))


def _nodes() -> tuple[Node, ...]:
    articles = [
        {"article_key": key, "title": f"t{key}", "url": "", "provider_domain": f"p{key % 7}.com", "cited_by_count": key}
        for key in range(1, 13)
    ]
    pairs = [(1, 2), (2, 3), (1, 3), (4, 5), (6, 7), (7, 8), (8, 9), (9, 10)]
    return lay_out(articles, [{"article_key": one, "other_article_key": other} for one, other in pairs])


def test_the_network_tells_stories_apart_the_largest_first() -> None:
    nodes = _nodes()
    stories = [[node.article["article_key"] for node in nodes if node.story == story] for story in (1, 2, 3)]
    assert stories == [[6, 7, 8, 9, 10], [1, 2, 3], [4, 5]]
    assert [node.number for node in nodes] == list(range(1, 11))
    assert nodes[0].linked == (2,)
    assert nodes[6].linked == (6, 8)
    assert len({(node.x, node.y) for node in nodes}) == len(nodes)


def test_the_network_draws_each_article_and_each_link_once() -> None:
    svg = charts.draw("network", charts.network(_nodes())).narrow
    assert len(marks(svg, "symbol")) == 10
    assert len(marks(svg, "rule")) == 8
    assert [mark.text for mark in marks(svg, "text")] == [str(number) for number in range(1, 11)]
    assert "others" in labels(svg)


def test_one_layout_every_time() -> None:
    assert _nodes() == _nodes()

"""Shapes are as long, as high and as far along as the numbers say; one huge value does not flatten the rest."""

from datetime import date, datetime
from typing import Any

import pytest

from warehouse.report import shapes


def _rows(*values: int | None) -> list[dict[str, Any]]:
    return [{"value": value} for value in values]


def test_each_bar_is_as_long_as_its_value() -> None:
    assert shapes.bars(_rows(400, 300, 200, 100, 50, 0, None), "value") == shapes.Bars(
        (100, 75, 50, 25, 12.5, 0, 0), cut=0
    )
    assert shapes.bars(_rows(7), "value").shares == (100,)
    assert shapes.bars([], "value").shares == ()


def test_beside_one_huge_bar_the_others_are_still_seen() -> None:
    assert shapes.bars(_rows(1_000_000, 40, 5), "value") == shapes.Bars((100, 80, 10), cut=1)


def _months(*counts: int) -> list[dict[str, Any]]:
    return [
        {"starts": date(2026, month, 1), "ends": date(2026, month + 1, 1), "own": count, "other": 2}
        for month, count in enumerate(counts, 1)
    ]


def test_columns_are_stacked_and_as_wide_as_their_span() -> None:
    drawn = shapes.columns(_months(6, 2), "starts", "ends", ["own", "other"])
    assert (drawn.low, drawn.high, drawn.ceiling, drawn.cut) == (date(2026, 1, 1), date(2026, 3, 1), 8, 0)
    own, other, *_ = drawn.columns
    assert (own.x, own.y, own.height, other.y, other.height) == (0, 25, 75, 0, 25)
    assert (own.width, drawn.columns[2].width) == (round(31 / 59 * 1000, 2), round(28 / 59 * 1000, 2))


def test_a_column_far_above_the_others_is_cut_and_counted() -> None:
    drawn = shapes.columns(_months(9000, 2, 1), "starts", "ends", ["own", "other"])
    assert (drawn.ceiling, drawn.cut) == (5, 1)
    assert max(column.height for column in drawn.columns) == shapes.HEIGHT
    assert min(column.y for column in drawn.columns) == 0
    assert drawn.columns[-1].height == 40
    assert shapes.columns(_months(9000, -1, -1), "starts", "ends", ["own", "other"]).ceiling == 2, "whole documents"


def test_runs_stand_at_their_true_times() -> None:
    rows = [{"at": datetime(2026, 11, day), "new": new} for day, new in ((1, 4), (2, 0), (3, 2), (11, 1))]
    drawn = shapes.columns(rows, "at", "at", ["new"])
    assert [(column.x, column.y) for column in drawn.columns] == [(0, 0), (200, 50), (1000, 75)]
    assert shapes.columns(rows[:1], "at", "at", ["new"]).columns[0].x == 500


def test_a_line_holds_each_value_until_the_next() -> None:
    rows = [{"at": datetime(2026, 11, day), "mean": mean} for day, mean in ((1, 50.0), (2, None), (3, 60.0), (5, 55.0))]
    drawn = shapes.steps(rows, "at", "mean")
    assert drawn is not None
    assert (drawn.floor, drawn.ceiling, drawn.path) == (50, 60, "M0.0,100.0H500.0V0.0H1000.0V50.0")
    assert shapes.steps(rows[:2], "at", "mean") is None


@pytest.mark.parametrize("value", [9223372036854775807, 0])
def test_values_of_any_size_are_drawn(value: int) -> None:
    rows = [{"at": datetime(2026, 11, day), "mean": value} for day in (1, 2)]
    drawn = shapes.steps(rows, "at", "mean")
    assert drawn is not None and drawn.path.startswith("M0.0,50.0")
    assert shapes.bars(_rows(value, 1), "value").shares[1] > 0


def _network() -> shapes.Network:
    articles = [{"article_key": key} for key in range(1, 13)]
    pairs = [(1, 2), (2, 3), (1, 3), (4, 5), (6, 7), (7, 8), (8, 9), (9, 10)]
    return shapes.network(articles, [{"article_key": one, "other_article_key": other} for one, other in pairs])


def test_linked_articles_stand_story_by_story_the_largest_first() -> None:
    drawn = _network()
    stories = [[row.article["article_key"] for row in drawn.rows if row.story == story] for story in (1, 2, 3)]
    assert stories == [[6, 7, 8, 9, 10], [1, 2, 3], [4, 5]]
    assert [row.link_count for row in drawn.rows] == [1, 2, 2, 2, 1, 2, 2, 2, 1, 1]
    assert [row.is_first for row in drawn.rows].count(True) == 3


def test_each_link_is_an_arc_between_its_rows() -> None:
    drawn = _network()
    assert len(drawn.arcs) == len(set(drawn.arcs)) == 8
    assert drawn.arcs[0] == "M56,10.0A12,10.0 0 0 0 56,30.0"
    assert _network() == drawn


def test_a_story_of_hundreds_is_cut() -> None:
    articles = [{"article_key": key} for key in range(100)]
    pairs = [{"article_key": 0, "other_article_key": key} for key in range(1, 100)]
    drawn = shapes.network(articles, pairs)
    assert (len(drawn.rows), len(drawn.arcs)) == (shapes.MOST_LINKED, shapes.MOST_LINKED - 1)

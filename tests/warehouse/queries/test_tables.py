"""Tables that fit the terminal: texts give way, numbers never; where that is not enough, records."""

import io
from collections.abc import Sequence

import pytest

from warehouse.queries.render import columns, fitting, write_table

NAMES = ("article_key", "title", "url", "count")
TYPES = ("BIGINT", "VARCHAR", "VARCHAR", "INTEGER")
ROW = (4006002300938903041, "A headline of quite some length, as they are", "https://example.com/" + "x" * 80, 7)


def table(width: int | None, rows: Sequence[tuple[object, ...]], names: tuple[str, ...] = NAMES) -> list[str]:
    out = io.StringIO()
    assert write_table(names, TYPES[: len(names)], rows, out, width) == len(rows)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 150])
def test_texts_are_cut_and_numbers_are_not(width: int) -> None:
    lines = table(width, [ROW])
    assert max(map(columns, lines)) <= width
    assert "4006002300938903041" in lines[2]
    assert lines[2].endswith("7")
    assert "…" in lines[2]


def test_what_fits_is_not_cut() -> None:
    assert "…" not in "".join(table(200, [ROW]))
    assert "…" not in "".join(table(None, [ROW]))


@pytest.mark.parametrize("width", [20, 40, 50])
def test_what_cannot_fit_is_written_as_records_with_nothing_lost(width: int) -> None:
    lines = table(width, [ROW, ROW])
    assert max(map(columns, lines)) <= max(width, 40)
    assert lines[0].startswith("-- row 1 --"[:width])
    assert "".join("".join(lines).split()).count("".join(str(ROW[2]).split())) == 2
    assert lines[-1] == "(2 rows)"
    assert any(line.split() == ["article_key", "4006002300938903041"] for line in lines)


def test_a_row_after_the_sample_is_cut_as_well() -> None:
    rows = [(1, "short", "u", 1)] * 600 + [ROW]
    lines = table(80, rows)
    assert max(map(columns, lines)) <= 80


def test_the_widest_texts_give_way_first() -> None:
    assert fitting([5, 10, 100, 100], [False, True, True, True], 80) == [5, 10, 29, 29]
    assert fitting([5, 10], [False, True], 80) == [5, 10]
    assert fitting([30, 40, 40], [False, True, True], 50) is None
    assert fitting([90], [False], 80) is None
    assert fitting([], [], 80) == []


def test_wide_letters_count_as_two() -> None:
    lines = table(60, [(1, "\u65e5\u672c" * 30, "u", 1)])
    assert max(map(columns, lines)) <= 60

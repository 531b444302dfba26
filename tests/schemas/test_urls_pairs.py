"""Labelled pairs: our own table, each rule both ways, and the project's larger one where it lies beside the folder."""

import csv
from pathlib import Path

import pytest

from schemas.urls import explain, facts, url_key

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "url_pairs.csv"
SHARED = ROOT.parent / "shared" / "url_pairs.csv"

# These need what a document declares, or the caution rule.
UNDECIDABLE_PREFIXES = ("amp_declared_", "ampcache_vs_web_")
UNDECIDABLE = {
    "amp_form",
    "mobile_host",
    "default_index",
    "alias_only_other",
    "amp_google",
    "ambiguous_param_same",
    "host_param_elsewhere",
}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def is_merged(row: dict[str, str]) -> bool:
    key = url_key(row["url_a"])
    return key is not None and key == url_key(row["url_b"])


def test_the_golden_pairs_are_told_apart_and_together_as_labelled() -> None:
    rows = read(GOLDEN)
    wrong = [row for row in rows if is_merged(row) != (row["same"] == "1")]
    assert len(rows) >= 150
    assert not wrong


def test_the_golden_pairs_show_most_rules_both_ways() -> None:
    rows = read(GOLDEN)
    one_sided = {row["rule"] for row in rows if row["same"] == "1"} ^ {
        row["rule"] for row in rows if row["same"] == "0"
    }
    # Rules whose other side has a name of its own, or that only ever tell apart.
    assert one_sided == {
        "amp_path",
        "fragment",
        "host_case",
        "host_escape",
        "host_tracker",
        "host_tracker_elsewhere",
        "index_page",
        "invalid",
        "meaningful",
        "path_case",
        "pct_case",
        "pct_double",
        "pct_illegal",
        "pct_reserved",
        "pct_space",
        "pct_stray",
        "pct_unreserved",
        "subdomain",
        "tracker",
        "tracker_lookalike",
    }


@pytest.mark.parametrize("column", ["url_a", "url_b"])
def test_every_golden_url_is_explained_and_shown_as_it_is_keyed(column: str) -> None:
    for row in read(GOLDEN):
        key = url_key(row[column])
        told, known = explain(row[column]), facts(row[column])
        assert told.url_key == key
        assert (told.reason is None) == (key is not None)
        assert (known is None) == (key is None)
        if known is not None and key is not None:
            assert known.url_key == key == url_key(known.display_url) == url_key("https://" + key)
            assert told.rules


def is_decidable(kind: str) -> bool:
    return kind not in UNDECIDABLE and not kind.startswith(UNDECIDABLE_PREFIXES)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder with the labelled pairs is not here")
def test_the_shared_pairs_have_no_false_merge() -> None:
    rows = read(SHARED)
    assert rows
    assert [row for row in rows if row["same"] == "0" and is_merged(row)] == []


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder with the labelled pairs is not here")
def test_the_shared_pairs_that_a_key_can_decide_are_merged() -> None:
    same = [row for row in read(SHARED) if row["same"] == "1" and is_decidable(row["class"])]
    assert same
    assert [row for row in same if not is_merged(row)] == []

"""The tree is PyYAML's: checked against CBaseLoader; what is more than a tree is a flaw with its place."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.reading.problems import MAX_DEPTH, Tree, place_of, value_at
from flows.reading.yaml_tree import read_tree


def flaws(text: str) -> list[tuple[int | None, str, str | None]]:
    return [(flaw.at, flaw.reason, flaw.found) for flaw in read_tree(text).flaws]


scalars = st.text(max_size=12) | st.sampled_from(
    ["null", "~", "", "No", "1.10", "007", "<<", "- a", "a: b", "#", "\u2028"]
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3), max_leaves=8
)


@settings(deadline=None)
@given(trees, st.sampled_from([None, '"', "'", "|", ">"]), st.booleans())
def test_what_pyyaml_writes_is_read_as_it_reads_it(tree: Tree, style: str | None, flow: bool) -> None:
    text = yaml.dump(tree, Dumper=yaml.CDumper, default_style=style, default_flow_style=flow, allow_unicode=True)
    reading = read_tree(text)
    if reading.flaws:
        assert {flaw.reason for flaw in reading.flaws} <= {
            "tag",
            "anchor",
            "alias",
            "yaml_syntax",
            "second_document",
            "bad_key",
        }
    else:
        expected = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 (it makes strings only)
        assert _blank_nulls(reading.tree) == _blank_nulls(expected)


def _blank_nulls(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: _blank_nulls(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_blank_nulls(item) for item in tree]
    return None if tree in (None, "", "~", "null") else tree


def test_nulls_are_plain() -> None:
    text = "---\na:\nb: ~\nc: null\nd: 'null'\ne: ''\nf: Null\n"
    assert read_tree(text).tree == {"a": None, "b": None, "c": None, "d": "null", "e": "", "f": "Null"}


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("a: &x b", (3, "anchor", "&x")),
        ("a: &x {b: c}", (3, "anchor", "&x")),
        ("a: *x", (3, "alias", "*x")),
        ("*x : a", (0, "alias", "*x")),
        ("a: !!str b", (3, "tag", "!!str")),
        ("a: !!python/object:os.system b", (3, "tag", "!!python/object:os.system")),
        ("a: ! b", (3, "tag", "!")),
        ("a:\n  <<: {b: c}", (5, "merge_key", "<<")),
        ("a: 1\nb: 2\na: 3", (10, "duplicate_key", "a")),
        ("r:\n- x: {y: 1, 'y': 2}", (15, "duplicate_key", "y")),
        ("? [a]\n: b", (2, "bad_key", "[a]")),
        ("a: b\n...\n---\nc: d", (9, "second_document", "---")),
        ("a: 'b\nc: d", (3, "yaml_syntax", "'b")),
        ("a: b\nc: [d\ne: f", (8, "yaml_syntax", "[d")),
        ("a: b\n\tc: d", (5, "yaml_syntax", "\\tc: d")),
        ('a: "\\q"', (4, "yaml_syntax", '\\q"')),
        ('a: "\\ud800"', (4, "yaml_syntax", '\\ud800"')),
    ],
)
def test_flaws(text: str, flaw: tuple[int, str, str]) -> None:
    assert flaws(text) == [flaw]


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read_tree("'<<': a").tree == {"<<": "a"}


def test_all_structural_flaws_at_once() -> None:
    found = read_tree("a: &x b\na: *x\nr: [{k: !t v, k: w}]").flaws
    assert [(flaw.reason, flaw.path) for flaw in found] == [
        ("anchor", ("a",)),
        ("duplicate_key", ("a",)),
        ("alias", ("a",)),
        ("tag", ("r", 0, "k")),
        ("duplicate_key", ("r", 0, "k")),
    ]


def test_depth_is_bounded() -> None:
    assert read_tree("[" * MAX_DEPTH + "]" * MAX_DEPTH).flaws == []
    assert [flaw.reason for flaw in read_tree("[" * 10_000 + "]" * 10_000).flaws] == ["too_deep"]


def test_places_follow_the_tree() -> None:
    text = "a:\n  - b: c\n    d: [e]\n"
    reading = read_tree(text)
    path = ("a", 0, "d", 0)
    assert (value_at(reading.tree, path), place_of(reading.places, path)) == ("e", text.index("e]"))
    assert place_of(reading.places, ("a", 0, "missing", 5)) == text.index("b:")
    assert (place_of(reading.places, ("a", 7)), value_at(reading.tree, ("a", 7))) == (5, None)

"""The fast lane equals the slow lane wherever it is taken, and is taken where it should be."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.reading import read
from flows.reading.blocks import Memo
from flows.reading.lines import read_lines
from flows.reading.problems import MAX_DEPTH
from flows.reading.read import judge_whole, read_batch
from flows.reading.yaml_tree import read_tree
from flows.sources.scan import Source
from tests.flows.reading.samples import AS_OF, CONTEXT, document, judge_fast, refs_of
from tests.fuzz.mutate import SEEDS, faults
from tests.fuzz.mutate import run as fuzz

CORPORA = Path(__file__).parents[4] / "shared"
RELATED = (
    'related:\n  - title: "B"\n    webUrl: "https://b.example/"\n'
    '    images:\n      - url: "https://i.example/1"\n        width: 5\n'
)


pieces = st.sampled_from(
    [
        "a",
        "key",
        "null",
        "~",
        "1",
        "-1",
        "x y",
        "é",
        "\xa0",
        " ",
        "  ",
        "    ",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "\n  - ",
        "- ",
        "-",
        ": ",
        ":",
        "a: ",
        "b:\n  ",
        "c:",
        '"',
        '"x"',
        '""',
        "'",
        "'y'",
        "''",
        "\\",
        "\\n",
        '\\"',
        "\\u0041",
        "\\u2028",
        "\\x41",
        "#",
        " #",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "?",
        "<<",
        "---",
        "...",
        "\t",
        "\u2028",
        "\x85",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
@example('a: "x""y"')
@example("a: 'x''y'")
@example("a: x\n  b: c")
@example("a:\n- b: c")
@example("a:\n  - b: c\n  d: e")
@example("a:\n  - \n    b: c")
@example("a: b #c")
@example("a: 1\na: 2")
def test_lines_are_read_as_libyaml_reads_them(text: str) -> None:
    tree = read_lines(text.encode(), "")
    if tree is not None:
        whole = read_tree(f"---\n{text}\n")
        assert whole.flaws == []
        assert whole.tree == (tree or None)


def test_unknown_fields_are_told_in_one_order_by_both_lanes() -> None:
    data = document("zz: 1\nprovider:\n  y: 2\naa: 3\n")
    fast = judge_fast(data, Memo(CONTEXT))
    assert fast is not None
    assert fast.entries[0].drift == judge_whole(data, CONTEXT).entries[0].drift == ("aa", "provider.y", "zz")


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=10).map("".join))
def test_blocks_are_cut_where_items_end(text: str) -> None:
    data = document(f'related:\n  - title: "B"\n    webUrl: "https://b.example/"\n{text}\n')
    assert list(faults(data, Memo(CONTEXT))) == []


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "topics:\n  - x\n  - 'y z'\n",
        RELATED,
        f'{RELATED}\nsecured: "L+hM4/="\n',
        "heat: -1\npublishedDateTime: 2021-04-29T17:02:00Z\n",
        'excerpt: "a\\r\\n\\"b\\" \\u2028"\n',
        "provider:\n  name: P&O (x)#1's\n  domain:\n",
        f"locale: null\n\n{RELATED}",
    ],
)
def test_the_usual_forms_take_the_fast_lane(extra: str) -> None:
    for data in (document(extra), document(extra, "body\n").replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + document(extra)):
        fast, whole = judge_fast(data, Memo(CONTEXT)), judge_whole(data, CONTEXT)
        assert fast is not None
        assert (fast.content_digest, len(fast.entries)) == (whole.content_digest, len(whole.entries))
        assert list(faults(data, Memo(CONTEXT))) == []


@pytest.mark.parametrize(
    "extra",
    [
        "quality: -1\n",
        "excerpt: |\n  x\n",
        "excerpt: 'a\n  b'\n",
        "a: &x b\n",
        "a: [b]\n",
        "related: []\n",
        f"{RELATED}{RELATED}",
        "related:\n- title: B\n",
        f'{RELATED}secured: "x"\nfoo: "y"\n',
        f'secured: "a"\n{RELATED}secured: "b"\n',
        "related:\n  - x\n",
        "excerpt: \tx\n",
        "excerpt: a\u2028b\n",
        'excerpt: "\\ud83d\\ude00"\n',
        "excerpt: " + "x" * 100001 + "\n",
    ],
)
def test_other_forms_take_the_slow_lane(extra: str) -> None:
    assert judge_fast(document(extra), Memo(CONTEXT)) is None


def nested(levels: int, spaces: int, ways: str) -> str:
    """Return an unknown field of so many mappings and lists, one in another, below a mapping at this indentation."""
    lines, column = [" " * spaces + "foo:"], spaces
    for number in range(levels):
        column += 2
        is_list = ways[number % len(ways)] == "l"
        lines.append(" " * column + ("- x" if is_list else "k:" if number < levels - 1 else "k: x"))
        if is_list and number < levels - 1:  # the item is a mapping, a level of its own
            lines[-1] = " " * column + "- k:"
            column += 2
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("ways", ["m", "l", "ml", "mml"])
@pytest.mark.parametrize("is_related", [False, True])
def test_both_lanes_go_equally_deep(ways: str, is_related: bool) -> None:
    reasons: set[str] = set()
    memo = Memo(CONTEXT)
    for levels in [*range(48, 54), *range(60, 70), *range(70, 80), *range(94, 104), 240, 300, 2000]:
        data = document((RELATED if is_related else "") + nested(levels, 4 if is_related else 0, ways))
        whole = judge_whole(data, CONTEXT)
        fast = judge_fast(data, memo)
        assert (fast is None) == (whole.content_digest is None), levels
        assert fast is None or fast.content_digest == whole.content_digest
        reasons.update(problem.reason for problem in whole.problems)
    assert reasons == {"too_deep"}
    assert MAX_DEPTH == 100


@pytest.mark.parametrize(
    "data", [b"", b"---\n---\n", b"---\n", document().removesuffix(b"---\n"), document(body="\0"), document() + b"\xff"]
)
def test_broken_files_take_the_slow_lane(data: bytes) -> None:
    assert judge_fast(data, Memo(CONTEXT)) is None


def test_a_block_is_judged_once_and_memory_is_bounded() -> None:
    memo = Memo(CONTEXT, max_bytes=100)
    first = judge_fast(document(RELATED), memo)
    again = judge_fast(document("locale: x\n" + RELATED), memo)
    assert first is not None
    assert again is not None
    assert first.entries[1] is again.entries[1]
    for number in range(100):
        judge_fast(document(RELATED.replace("b.example", f"b{number}.example")), memo)
    assert sum(map(len, memo._known)) <= 100 + len(RELATED)
    assert sum(map(len, memo._older)) <= 100 + len(RELATED)


def test_a_block_that_is_asked_for_often_is_not_judged_again_where_many_others_come() -> None:
    memo = Memo(CONTEXT, max_bytes=2_000)
    often = judge_fast(document(RELATED), memo)
    assert often is not None
    for number in range(100):
        judge_fast(document(RELATED.replace("b.example", f"b{number}.example")), memo)
        again = judge_fast(document(RELATED), memo)
        assert again is not None
        assert again.entries[1] is often.entries[1]


def test_a_short_run_of_the_fuzzer_breaks_no_promise() -> None:
    tally, broken = fuzz(600, seed=11)
    assert broken == []
    assert min(tally[kind] for kind in ("fast", "slow", "bad")) > 20


@pytest.mark.parametrize("folder", ["seeds", "corpus/azure", "replay/powerapps"])
def test_both_lanes_give_the_same_tables(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = SEEDS if folder == "seeds" else CORPORA / folder
    if not root.is_dir():
        pytest.skip(f"no corpus at {root}")
    refs = refs_of(Source("s", str(root)))[:: 15 if folder == "corpus/azure" else 1]
    fast = read_batch(refs, AS_OF)
    monkeypatch.setattr(read, "read_fast", lambda _data, _memo: None)
    slow = read_batch(refs, AS_OF)
    assert fast == slow
    assert set(fast.documents["outcome"].to_pylist()) == {"good"}
    assert fast.problems.num_rows == 0

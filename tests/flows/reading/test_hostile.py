"""Hostile input: each is refused or kept as it is, says where and why, and takes neither 3 s of CPU nor 200 MB."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.reading.blocks import Memo
from tests.flows.reading.samples import CONTEXT, document, judge_bytes, read_folder, value

MANY = 2_400_000

# name: (bytes of the file, line, column, reason)
REFUSED: dict[str, tuple[bytes, int | None, int | None, str]] = {
    "empty": (b"", None, None, "empty"),
    "blank": (b"\n \n", 1, 1, "empty"),
    "no front matter": (b"A text.\n---\n", 1, 1, "no_front_matter"),
    "unclosed fence": (b"---\ntitle: x\n", 1, 1, "unclosed_front_matter"),
    "fence with a space before": (b"---\ntitle: x\n ---\n", 1, 1, "unclosed_front_matter"),
    "nothing between the fences": (b"---\n---\n", 2, 1, "wrong_shape"),
    "a list": (b"---\n- a\n---\n", 2, 1, "wrong_shape"),
    "a text": (b"---\na text\n---\n", 2, 1, "wrong_shape"),
    "UTF-16": ("---\ntitle: x\n---\n".encode("utf-16"), 1, 1, "not_utf8"),
    "UTF-16 without BOM": ("---\ntitle: x\n---\n".encode("utf-16-le"), 1, 2, "nul_byte"),
    "Latin-1": (document("excerpt: caf\u00e9\n").decode().encode("latin-1"), 4, 13, "not_utf8"),
    "Latin-1 in the body": (document(body="caf\u00e9").decode().encode("latin-1"), 5, 4, "not_utf8"),
    "an encoded surrogate": (document("a: ?\n").replace(b"?", b"\xed\xa0\x80"), 4, 4, "not_utf8"),
    "an escaped surrogate": (document('a: "\\ud800"\n'), 4, 5, "yaml_syntax"),
    "NUL": (document("a: x\0y\n"), 4, 5, "nul_byte"),
    "NUL in the body": (document(body="x\0"), 5, 2, "nul_byte"),
    "escaped NUL in a text": (document('excerpt: "\\0"\n'), 4, 10, "nul_character"),
    "a control character": (document("a: x\x07\n"), 4, 5, "control_character"),
    "a tab as indentation": (document("provider:\n\tname: x\n"), 5, 1, "yaml_syntax"),
    "an unterminated quote": (document("a: 'x\n"), 4, 4, "yaml_syntax"),
    "an unterminated quote in between": (document('a: "x\nb: "y"\n'), 4, 4, "yaml_syntax"),
    "an unterminated list": (document("a: [x\n"), 4, 4, "yaml_syntax"),
    "a fence inside a quoted title": (b'---\ntitle: "a\n---\nb"\n---\n', 2, 8, "yaml_syntax"),
    "python/object": (document("a: !!python/object/apply:os.system [x]\n"), 4, 4, "tag"),
    "an anchor": (document("a: &x y\n"), 4, 4, "anchor"),
    "an alias": (document("a: *x\n"), 4, 4, "alias"),
    "a merge key": (document("<<: {a: b}\n"), 4, 1, "merge_key"),
    "a duplicate key": (document("title: x\n"), 4, 1, "duplicate_key"),
    "a duplicate key in a provider": (document("provider: {name: x, name: y}\n"), 4, 21, "duplicate_key"),
    "a duplicate key in a related image": (
        document("related:\n- images:\n  - url: x\n    url: y\n"),
        7,
        5,
        "duplicate_key",
    ),
    "a second document": (document("...\n--- # two\na: b\n"), 5, 1, "second_document"),
    "an alias bomb": (
        document("a: &a [x,x,x,x,x]\n" + "".join(f"{k}: [*a,*a,*a,*a]\n" for k in "bcdef")),
        4,
        4,
        "anchor",
    ),
    "10,000 levels of lists": (document("a: " + "[" * 10_000 + "]" * 10_000 + "\n"), 4, 103, "too_deep"),
    "10,000 levels of mappings": (document("a: " + "{a: " * 10_000 + "}" * 10_000 + "\n"), 4, 400, "too_deep"),
    "10,000 levels of blocks": (document("a:\n  " + "- " * 10_000 + "x\n"), 5, 201, "too_deep"),
    "two million brackets": (document("a: " + "[" * MANY + "\n"), 4, 103, "too_deep"),
    "a 1 MB key": (document("k" * 1_000_000 + ": x\n"), 4, 1, "yaml_syntax"),
    "a million nulls": (document("a:\n" + " -\n" * (MANY // 2)), 249_996, 3, "too_many_values"),
    "a million items": (document("a: [" + "x," * MANY + "]\n"), 4, 499_987, "too_many_values"),
    "a million anchors": (document("a: [" + "&a x," * (MANY // 3) + "]\n"), 4, 5, "anchor"),
    "a million duplicates": (document("a: 1\n" * (MANY // 3)), 5, 1, "duplicate_key"),
    "a million bad entries": (document("related: [" + "x," * 100_000 + "]\n"), 4, 10, "too_many_entries"),
    "40,000 entries": (
        document("related:\n" + "  - {title: a, webUrl: 'https://a.b/'}\n" * 40_000),
        5,
        3,
        "too_many_entries",
    ),
    "10,000 bad entries": (document("related: [" + "{}," * 10_000 + "]\n"), 4, 11, "missing"),
    "30,000 bad images": (document("images: [" + "{width: 0}," * 30_000 + "]\n"), 4, 18, "out_of_range"),
    "nothing but CR": (b"---\r" + b"\r" * MANY + b"---\r", MANY + 2, 1, "wrong_shape"),
    "nothing but fences": (b"---\n" + b"---x\n" * (MANY // 3), 1, 1, "unclosed_front_matter"),
    "all bytes": (bytes(range(256)) * 10_000, 3, 115, "not_utf8"),
    "a number of 2 MB": (document("quality: " + "9" * MANY + "\n"), 4, 10, "out_of_range"),
    "a date that is none": (document("publishedDateTime: 2021-02-30\n"), 4, 20, "bad_date"),
    "the year 9999": (document("publishedDateTime: 9999-12-31T23:59:59Z\n"), 4, 20, "date_out_of_range"),
    "a width of 0": (document("images:\n  - url: https://i.example/1\n    width: 0\n"), 6, 12, "out_of_range"),
    "blank lines before what is no mapping": (
        b"---\n" + b"\n" * MANY + b"'a'\nb: 1\n---\n",
        MANY + 3,
        1,
        "yaml_syntax",
    ),
    "long blanks above a mistake": (
        b"---\nt:\n  k: |\n" + (b"    a" + b" " * 1_990 + b"x\n") * 2_400 + b"  b: [\n---\n",
        2_405,
        1,
        "yaml_syntax",
    ),
    "a negative height": (document("images: [{height: -5}]\n"), 4, 19, "out_of_range"),
}

ACCEPTED: dict[str, bytes] = {
    "BOM": b"\xef\xbb\xbf" + document(),
    "CR": document(body="x\n").replace(b"\n", b"\r"),
    "CRLF": document(body="x\n").replace(b"\n", b"\r\n"),
    "a fence with blanks": document().replace(b"---\n", b"--- \t\n"),
    "--- inside a quoted title": b'---\ntitle: "a --- b"\nwebUrl: https://a.example/\n---\n---\n',
    "--- on an indented line of a title": b'---\ntitle: "a\n  ---\n  b"\nwebUrl: https://a.example/\n---\n',
    "no line end after the fence": document().removesuffix(b"\n"),
    "a 1 MB explicit key": document("? " + "k" * 1_000_000 + "\n: x\n"),
    "a 5 MB text": document('excerpt: "' + "x" * 4_900_000 + '"\n'),
    "a 5 MB folded text": document('excerpt: "' + "x\n" * MANY + '"\n'),
    "5 MB of escapes": document('excerpt: "' + "\\n" * MANY + '"\n'),
    "5 MB of colons": document("excerpt: a" + ":a" * MANY + "\n"),
    "5 MB of hashes": document("excerpt: a" + " a#" * (MANY // 2) + "\n"),
    "5 MB of spaces": document("excerpt: a" + " " * 4_900_000 + "b\n"),
    "5 MB of comments": document("#\n" * MANY),
    "5 MB of body": document(body="\r\n" * MANY),
    "mojibake": document('excerpt: "' + "Ã" * MANY + '"\n'),
    "percent signs": document('excerpt: "' + "%C3%" * (MANY // 2) + '"\n'),
    "100,000 topics": document("topics:\n" + "  - x\n" * 100_000),
    "50,000 unknown fields": document("".join(f"k{number}: v\n" for number in range(50_000))),
    "a URL of 2 MB": document('ampWebUrl: "https://a.example/' + "x" * MANY + '"\n'),
}


@pytest.fixture
def memo() -> Memo:
    return Memo(CONTEXT)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, memo: Memo) -> None:
    data, line, column, reason = REFUSED[name]
    started = time.process_time()
    verdict = judge_bytes(data, memo)
    assert time.process_time() - started < 3
    assert verdict.content_digest is None
    assert (verdict.problems[0].line, verdict.problems[0].column, verdict.problems[0].reason) == (line, column, reason)
    assert len(verdict.problems) <= 1001
    assert any(problem.scope == "document" for problem in verdict.problems)


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, memo: Memo) -> None:
    started = time.process_time()
    assert judge_bytes(ACCEPTED[name], memo).content_digest is not None
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE x; --", "<script>alert(1)</script>", "{{ x }}", "\u202e\u0007x", "=cmd|' /C calc'!A0"]
)
def test_texts_are_stored_as_they_are(text: str, memo: Memo) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\u0007", "\\a")
    fields = f'excerpt: "{quoted}"\ncategory: "{quoted}"\ntopics: ["{quoted}"]\nprovider: {{name: "{quoted}"}}\n'
    verdict = judge_bytes(document(fields), memo)
    assert [value(verdict, name) for name in ("excerpt", "category", "provider_name")] == [text] * 3
    assert value(verdict, "topics") == [text]


def test_a_date_without_zone_is_utc(memo: Memo) -> None:
    texts = ("2021-04-29T17:02:00", "2021-04-29T17:02:00Z", "2021-04-29T19:02:00+02:00")
    found = {value(judge_bytes(document(f"publishedDateTime: {text}\n"), memo), "published_at") for text in texts}
    assert len(found) == 1


def test_a_folder_of_it_does_not_stop_the_batch(tmp_path: Path) -> None:
    for number, (data, *_) in enumerate(REFUSED.values()):
        if len(data) < 100_000:
            (tmp_path / f"{number}.md").write_bytes(data)
    (tmp_path / "good.md").write_bytes(document())
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "fifo.md")
    outcomes = read_folder(tmp_path).documents["outcome"].to_pylist()
    assert (outcomes.count("good"), outcomes.count("bad")) == (1, len(outcomes) - 1)


@pytest.mark.slow
def test_none_takes_200_mb() -> None:
    code = (
        "import resource, sys; from tests.flows.reading.test_hostile import *;"
        "from tests.flows.reading.samples import judge_bytes;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "files = [*(data for data, *_ in REFUSED.values()), *ACCEPTED.values()];"
        "[judge_bytes(data, Memo(CONTEXT)) for data in files];"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; print(after - before)"
    )
    root = Path(__file__).parents[3]
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=root)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(ran.stdout) * unit < 200_000_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            document("\n" * 4_700_000 + "topics:\n" + "".join(f"  - a{number} #b\n" for number in range(1_000))),
            id="cut texts below many lines",
        ),
        pytest.param(
            document("related:\n" + '  - a: "x"\n' * 499 + 'big: "' + "\n" * 4_800_000 + '"\n'),
            id="missing fields above a long text",
        ),
    ],
)
def test_many_flaws_in_a_long_text_take_no_time_each(data: bytes, memo: Memo) -> None:
    # A minute and two before: for each flaw all of the text was looked through.
    started = time.process_time()
    judge_bytes(data, memo)
    assert time.process_time() - started < 5

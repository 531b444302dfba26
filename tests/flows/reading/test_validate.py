"""Where a problem is, what it costs, and that all are told at once."""

import pytest

from flows.reading.problems import Lines, field_path
from flows.reading.read import judge_whole
from schemas.text import sample
from tests.flows.reading.samples import CONTEXT, document, judge, problems, value

RELATED = "related:\n  - title: B\n    webUrl: https://news.example/b\n"


def places(extra: str) -> list[tuple[int | None, int | None, str, str, str]]:
    return [(p.line, p.column, p.field, p.reason, p.scope) for p in problems(extra)]


def test_a_good_document() -> None:
    verdict = judge(RELATED)
    assert list(verdict.positions) == [0, 1]
    assert verdict.problems == []


def test_a_bad_value_at_the_root_condemns_the_document() -> None:
    verdict = judge(f"quality: -1\n{RELATED}")
    assert (verdict.content_digest, verdict.entries) == (None, ())
    (problem,) = verdict.problems
    assert (problem.position, problem.scope, problem.line, problem.column, problem.found) == (
        0,
        "document",
        4,
        10,
        "-1",
    )
    assert problem.expected == "an integer of 0 or more, within 64 bits"


def test_a_bad_related_entry_alone_is_set_aside_and_leaves_its_gap() -> None:
    verdict = judge(
        f"{RELATED}  - title: C\n    heat: x\n    webUrl: https://news.example/c\n  - title: D\n    webUrl: https://d.example/\n"
    )
    assert list(verdict.positions) == [0, 1, 3]
    (problem,) = verdict.problems
    assert (problem.position, problem.scope, problem.field) == (2, "mention", "related[1].heat")
    assert (problem.line, problem.column) == (8, 11)


def test_nested_values_have_their_own_place() -> None:
    images = "images:\n- url: https://i.example/1\n- width: 12\n  height: '0'\n"
    extra = f"{images}provider: {{name: x, images: [{{width: wide}}]}}\n"
    assert places(extra) == [
        (7, 11, "images[1].height", "out_of_range", "document"),
        (8, 38, "provider.images[0].width", "bad_integer", "document"),
    ]


def test_a_missing_value_is_placed_at_the_mapping_that_lacks_it() -> None:
    found = places("related:\n  - webUrl: https://news.example/b\n  -\n    title: C\n")
    assert found == [
        (5, 5, "related[0].title", "missing", "mention"),
        (7, 5, "related[1].webUrl", "missing", "mention"),
    ]


def test_an_empty_title_is_placed_at_itself() -> None:
    assert places("related:\n  - webUrl: https://b.example/\n    title: ' '\n") == [
        (6, 12, "related[0].title", "missing", "mention")
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_places_with_any_line_end_and_a_bom(line_end: str, bom: str) -> None:
    data = (bom + document("excerpt: 'é\u2028\u0085é'\nquality: ä\n").decode()).replace("\n", line_end).encode()
    (problem,) = judge_whole(data, CONTEXT).problems
    assert (problem.line, problem.column, problem.found) == (5, 10, "ä")


def test_all_problems_of_a_document_at_once() -> None:
    extra = "quality: x\nheat: y\npublished: z\nrelated:\n  - nothing\n  - title: B\n    webUrl: ftp://b.example/\n"
    assert [p.field for p in problems(extra)] == ["quality", "heat", "published", "related[0]", "related[1].webUrl"]


def test_values_and_urls_of_one_mention_are_told_together() -> None:
    assert [p.field for p in problems("quality: x\nampWebUrl: nowhere\n")] == ["quality", "ampWebUrl"]


@pytest.mark.parametrize("url", ["''", "ftp://a.example/", "https://localhost/", "nothing", "'javascript:alert(1)'"])
def test_another_bad_url_is_set_aside_alone(url: str) -> None:
    verdict = judge(f"ampWebUrl: {url}\n")
    assert [(p.scope, p.field, p.reason) for p in verdict.problems] == [("url", "ampWebUrl", "not_a_url")]
    assert value(verdict, "amp_url") is None


def test_without_any_web_url_the_original_url_identifies() -> None:
    data = b"---\ntitle: T\nwebUrl:\noriginalUrl: https://news.example/o\n---\n"
    assert judge_whole(data, CONTEXT).content_digest is not None


def test_a_bad_web_url_is_not_replaced_by_the_original_url() -> None:
    data = b"---\ntitle: T\nwebUrl: ''\noriginalUrl: https://news.example/o\n---\n"
    assert [(p.scope, p.field, p.line) for p in judge_whole(data, CONTEXT).problems] == [("document", "webUrl", 3)]


def test_a_bad_image_url_is_set_aside_alone() -> None:
    verdict = judge("images:\n  - url: data:x\n    width: 1\n  - url: https://i.example/1\n  -\n  - width: 5\n")
    assert [(p.scope, p.field) for p in verdict.problems] == [("url", "images[0].url")]
    assert [image["url"] for image in value(verdict, "images")] == ["https://i.example/1"]


@pytest.mark.parametrize(
    ("related", "reason"), [("text", "wrong_shape"), ("{a: b}", "wrong_shape"), ("''", None), ("", None)]
)
def test_a_related_list_is_a_list(related: str, reason: str | None) -> None:
    assert [p.reason for p in problems(f"related: {related}\n")] == ([] if reason is None else [reason])


def test_plain_null_is_nothing_and_quoted_null_is_text() -> None:
    assert value(judge("excerpt: null\n"), "excerpt") is None
    assert value(judge("excerpt: ~\n"), "excerpt") is None
    assert value(judge("excerpt: 'null'\n"), "excerpt") == "null"
    assert judge("excerpt: null\n").entries[0].digest != judge("excerpt: 'null'\n").entries[0].digest


def test_yaml_guesses_no_types() -> None:
    verdict = judge(
        "provider: {name: 1843}\ncategory: No\nlocale: 1.10\nexcerpt: 007\ntopics: [on, 0x1F, 2021-01-01]\n"
    )
    assert [value(verdict, name) for name in ("provider_name", "category", "locale", "excerpt")] == [
        "1843",
        "No",
        "1.10",
        "007",
    ]
    assert value(verdict, "topics") == ["on", "0x1F", "2021-01-01"]


def test_content_compares_without_order_line_ends_and_ciphertext() -> None:
    one = judge_whole(document("type: a\nlocale: b\nsecured: 'x'\n", "A\r\nB\r"), CONTEXT)
    two = judge_whole(document("locale: b\nsecured: 'y'\ntype: a\n", "A\nB\n"), CONTEXT)
    other = judge_whole(document("locale: b\ntype: a\n", "A\nC\n"), CONTEXT)
    assert one.content_digest == two.content_digest
    assert one.content_digest != other.content_digest


def test_order_of_related_entries_is_content() -> None:
    first, second = "  - {title: A, webUrl: https://a.example}\n", "  - {title: B, webUrl: https://b.example}\n"
    digests = {judge(f"related:\n{a}{b}").content_digest for a, b in ((first, second), (second, first), (first, first))}
    assert len(digests) == 3


def test_unknown_fields_are_drift_and_kept() -> None:
    verdict = judge("foo: 1\nprovider: {bar: [x], name: n}\nimages: [{url: https://i.example/1, baz: y}]\n")
    assert verdict.entries[0].drift == ("foo", "images[].baz", "provider.bar")
    assert value(verdict, "unknown") == '{"foo": "1", "images[0].baz": "y", "provider.bar": ["x"]}'


def test_the_secret_is_nowhere() -> None:
    verdict = judge("secured: 'CIPHER'\nprovider: {secured: CIPHER}\nfoo: {secured: CIPHER, a: b}\nquality: 5\n")
    assert "CIPHER" not in repr(verdict.entries)


@pytest.mark.parametrize(
    "extra",
    [
        "secured: 'CIPHER\n",
        "secured: &CIPHER x\n",
        "secured: !CIPHER x\n",
        "secured: {a: *CIPHER}\n",
        "secured: x\nCIPHER\n",
        "published: no secured: 'CIPHER'\n",
        "heat: x secured 'CIPHER'\n",
        "secured: [CIPHER, CIPHER\n",
        "secured: a: CIPHER\n",
    ],
)
def test_no_problem_shows_the_secret(extra: str) -> None:
    found = problems(extra)
    assert found
    assert "CIPHER" not in repr(found)


def test_more_than_a_thousand_problems_condemn_the_document() -> None:
    found = problems("related:\n" + "  - x\n" * 1001)
    assert (len(found), found[-1].reason, found[-1].scope) == (1001, "too_many_problems", "document")


def test_an_entry_with_too_many_problems_does_not_hide_the_entries_after_it() -> None:
    images = "".join(f"      - url: x{number}\n" for number in range(1_001))
    verdict = judge(f"related:\n  - title: b\n    webUrl: https://b.example/\n    images:\n{images}  - title: c\n")
    assert (verdict.content_digest, verdict.problems[-1].reason) == (None, "too_many_problems")


def test_notices_however_many_do_not_hide_a_problem() -> None:
    odd = "  - {title: b, webUrl: https://b.example/, Excerpt: c}\n" * 2_001
    verdict = judge(f"related:\n{odd}  - title: c\n")
    assert (len(verdict.notices), [problem.position for problem in verdict.problems]) == (1_000, [2_002])


def test_lines_are_counted_across_stretches() -> None:
    text = "a\r\n" * 50_000 + "b\rc\nd"
    lines = Lines(text)
    assert [lines.place(index) for index in (len(text) - 1, 0, 3, 149_999, 150_000)] == [
        (50_003, 1),
        (1, 1),
        (2, 1),
        (50_000, 2),
        (50_001, 1),
    ]


def test_found_is_one_short_line() -> None:
    (problem,) = problems('quality: "x\\n' + "y " * 100 + '"\n')
    assert problem.found == sample("x\n" + "y " * 100)
    assert problem.found is not None
    assert len(problem.found) == 60


def test_a_key_of_any_length_and_kind_is_shown_short_and_harmless() -> None:
    assert field_path(("a", 0, "b")) == "a[0].b"
    assert field_path(("a\x1b[2J\n", 1)) == "a\\x1b[2J\\n[1]"
    assert field_path(("Zq9+" * 30,)) == "\u2026"
    assert len(field_path(("k " * 100,))) == 60

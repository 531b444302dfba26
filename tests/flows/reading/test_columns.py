"""Columns give what the model gives, whether a column is compared as a whole or value by value."""

import time
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.reading import columns
from flows.reading.blocks import prove
from flows.reading.columns import table_of_entries
from flows.reading.entries import Entry, canonical_form, entry_of
from flows.reading.validate import prove_entry
from schemas.documents import Image, Mention, Provider
from schemas.text import flaw
from tests.flows.reading.samples import CONTEXT

GOOD: dict[str, Any] = {"title": "A title", "webUrl": "https://news.example/a"}
texts = st.sampled_from(
    [None, "", " ", "a", "a b", " a", "a\xa0", "é", "NA", "50%20", "Ã©", "a\0b", "a\nb", "x" * 70_000]
)
numbers = st.sampled_from([None, "", "1", "0", "-1", "+5", "007", " 7", "1.0", "1_000", "9" * 18, "9" * 19, "x", "٣"])
flags = st.sampled_from([None, "", "true", "false", "TRUE", " true", "yes", "1"])
moments = st.sampled_from(
    [
        None,
        "",
        "2021-04-29T17:02:00Z",
        "2021-04-29T17:02:00.123456Z",
        "2021-04-29T17:02:00.1Z",
        "2021-04-29",
        "2021-04-29T17:02:00+02:00",
        "2021-02-30T00:00:00Z",
        "2021-04-29T24:00:00Z",
        "2021-04-29T17:02:60Z",
        "1989-12-31T23:59:59Z",
        "2028-11-20T00:00:00Z",
        "2028-11-20T00:00:01Z",
        "9999-01-01T00:00:00Z",
        "x",
    ]
)
urls = st.sampled_from(
    [
        None,
        "",
        "x",
        "https://news.example/b",
        " https://news.example/b",
        "http://localhost/",
        "HTTPS://NEWS.example/b",
        "ftp://a.example/",
        "https://a.example/" + "x" * 70_000,
        "https://amp-news-example.cdn.ampproject.org/c/s/news.example/b",
    ]
)
odd = st.sampled_from([["a"], {"a": "b"}, [], {}])
lists_of_texts = st.none() | st.just("") | st.lists(texts, max_size=3) | odd
image = st.fixed_dictionaries(
    {}, optional={"url": urls, "width": numbers, "isCached": flags, "title": texts, "foo": texts}
)
lists_of_images = st.none() | st.just("") | st.lists(st.none() | image, max_size=2) | odd
provider = (
    st.none()
    | st.sampled_from([" ", ["a"], [], {}, {"foo": "x", "name": "n"}])
    | st.fixed_dictionaries(
        {}, optional={"name": texts, "domain": texts | urls, "images": lists_of_images, "authors": lists_of_texts}
    )
)
fields = {
    "title": texts,
    "excerpt": texts | odd,
    "quality": numbers,
    "heat": numbers,
    "published": flags,
    "publishedDateTime": moments,
    "webUrl": urls,
    "originalUrl": urls,
    "cdnAmpWebUrl": urls,
    "topics": lists_of_texts,
    "images": lists_of_images,
    "provider": provider,
    "foo": texts | odd,
}
mentions = st.sampled_from(sorted(fields)).flatmap(lambda name: fields[name].map(lambda value: {**GOOD, name: value}))
free = st.fixed_dictionaries({}, optional=fields).map(lambda tree: {**GOOD, **tree})


@pytest.mark.parametrize("many", [0, 10_000])
def test_columns_give_what_the_model_gives(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MANY", many)

    @settings(max_examples=80, deadline=None)
    @given(st.lists(mentions | free, min_size=1, max_size=6))
    def check(trees: list[dict[str, Any]]) -> None:
        proved, judged = [entries_of(tree) for tree in trees], [entries_of(tree) for tree in trees]
        found = prove(proved, CONTEXT)
        flaws = [prove_entry(entry, tree, CONTEXT) for entry, tree in zip(judged, trees, strict=True)]
        assert [entry.is_flawed for entry in proved] == [bool(one) for one in flaws]
        good = [place for place, one in enumerate(flaws) if not one]
        mine, theirs = [proved[place] for place in good], [judged[place] for place in good]
        assert [entry.urls for entry in mine] == [entry.urls for entry in theirs]
        expected, refused = table_of_entries(theirs, CONTEXT)
        assert not refused
        assert found.select(mine).to_pylist() == expected.to_pylist() == table_of_models(theirs, trees, good)

    check()


def entries_of(tree: dict[str, Any]) -> Entry:
    return entry_of(canonical_form(tree))


def table_of_models(entries: list[Entry], trees: list[dict[str, Any]], good: list[int]) -> list[dict[str, Any]]:
    """Return the rows that follow from the models, written out."""
    rows = []
    for entry, place in zip(entries, good, strict=True):
        mention = Mention.model_validate(trees[place], context=CONTEXT)
        whose = mention.provider or Provider()
        logos = [shown(one) for one in whose.images or () if one and one.url]
        rows.append(
            {
                "entry_id": entry.entry_id,
                "entry_digest": entry.digest,
                **{name: getattr(mention, name) for name in Mention.model_fields if name != "provider"},
                "provider_domain": whose.domain,
                "provider_name": whose.name,
                "provider_logo_url": logos[0]["url"] if logos else None,
                "provider_authors": [text for text in whose.authors or () if text],
                "provider_images": logos,
                "topics": [text for text in mention.topics or () if text],
                "images": [shown(one) for one in mention.images or () if one and one.url],
                "title_flaw": flaw(mention.title),
                "excerpt_flaw": flaw(mention.excerpt),
                "provider_name_flaw": flaw(whose.name),
                "unknown": entry.unknown,
            }
        )
    return rows


def shown(image: Image) -> dict[str, Any]:
    told: dict[str, Any] = image.model_dump()
    return told


def test_a_row_that_is_no_text_where_one_belongs_does_not_hide_the_others() -> None:
    trees = [{**GOOD, "title": f"T{number}"} for number in range(20)]
    trees[7]["excerpt"] = {"a": "b"}
    trees[13]["images"] = ""
    proved = [entries_of(tree) for tree in trees]
    prove(proved, CONTEXT)
    assert [place for place, entry in enumerate(proved) if entry.is_flawed] == [7]
    assert orjson.loads(proved[13].said) == GOOD | {"title": "T13"}


def test_many_unknown_keys_take_neither_time_nor_memory() -> None:
    trees = [{**GOOD, **{f"k{number}_{key}": "v" for key in range(1_000)}} for number in range(100)]
    proved = [entries_of(tree) for tree in trees]
    started = time.process_time()
    prove(proved, CONTEXT)
    assert time.process_time() - started < 3
    assert all(entry.unknown and not entry.is_flawed for entry in proved)

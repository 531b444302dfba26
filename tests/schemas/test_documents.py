"""Each rule about a single value, good and bad, as schemas/README.md tells it."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.documents import Mention, bounds, explain, parse_moment

CONTEXT = bounds(datetime(2026, 11, 20))


def read(**fields: object) -> Mention:
    return Mention.model_validate({"title": "t", **fields}, context=CONTEXT)


def reasons(**fields: object) -> list[tuple[str, ...]]:
    with pytest.raises(ValidationError) as caught:
        read(**fields)
    return [(".".join(map(str, e["loc"])), *explain(e)) for e in caught.value.errors(include_url=False)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("010", 10),
        (" 5 ", 5),
        ("9223372036854775807", 2**63 - 1),
        ("0" * 5000 + "1", 1),
    ],
)
def test_integers_are_decimal_digits_with_a_sign(text: str, number: int) -> None:
    assert read(quality=text).quality == number


@pytest.mark.parametrize(
    "text", ["1e3", "0x10", "1_000", "1.0", "1.", "--1", "+", "٣", "1 000", "null", "9223372036854775808"]
)
def test_anything_else_is_no_integer(text: str) -> None:
    assert [found[0] for found in reasons(quality=text)] == ["quality"]


@pytest.mark.parametrize(
    ("field", "text"),
    [("quality", "-1"), ("heat", "-2"), ("quality", "9" * 5000)],
)
def test_integers_out_of_range(field: str, text: str) -> None:
    assert reasons(**{field: text})[0][:2] == (field, "out_of_range")


def test_heat_of_minus_one_is_not_rated() -> None:
    assert (read(heat="-1").heat, read(heat="0").heat) == (None, 0)


@pytest.mark.parametrize("width", ["0", "-1", "wide"])
def test_an_image_has_at_least_one_pixel(width: str) -> None:
    assert reasons(images=[{"url": "u", "width": width}])[0][0] == "images.0.width"


@pytest.mark.parametrize(
    ("text", "flag"), [("true", True), ("FALSE", False), (" True ", True), ("", None), (None, None)]
)
def test_booleans_in_any_case(text: str | None, flag: bool | None) -> None:
    assert read(published=text).is_published is flag


@pytest.mark.parametrize("text", ["yes", "1", "on", "truex"])
def test_other_words_are_no_booleans(text: str) -> None:
    assert reasons(removed=text) == [("removed", "bad_boolean", "true or false")]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-04-29", datetime(2021, 4, 29)),
        ("2021-04-29T17:02:00Z", datetime(2021, 4, 29, 17, 2)),
        ("2021-04-29 17:02", datetime(2021, 4, 29, 17, 2)),
        ("2021-04-29T17:02:00+02:30", datetime(2021, 4, 29, 14, 32)),
        ("2021-01-01t00:30:00-01", datetime(2021, 1, 1, 1, 30)),
        ("2021-04-29T17:02:00.1234567z", datetime(2021, 4, 29, 17, 2, 0, 123456)),
        ("2021-04-29T17:02:00,5", datetime(2021, 4, 29, 17, 2, 0, 500000)),
        ("2021-04-29T17:02:00." + "9" * 500, datetime(2021, 4, 29, 17, 2, 0, 999999)),
    ],
)
def test_dates_become_naive_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2021-02-30",
        "2021-13-01",
        "29-04-2021",
        "04/29/2021",
        "20210429",
        "2021-W17-4",
        "2021-04-29T24:00",
        "2021-04-29T",
        "Thu, 29 Apr 2021",
        "2021-4-9",
        "2021-04-29T17:02:60Z",
        "1619715720",
        "٢٠٢١-٠٤-٢٩",
        "9999-12-31T23:59:59-10:00",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert reasons(publishedDateTime=text)[0][:2] == ("publishedDateTime", "bad_date")


@pytest.mark.parametrize("text", ["1989-12-31T23:59:59Z", "2028-11-20T00:00:01Z", "9999-01-01"])
def test_dates_out_of_range(text: str) -> None:
    # The expectation names no day: it would move with every run, and a quarantine that moves is a new release.
    expected = "a date from 1990 to two years after the as-of"
    assert reasons(updatedDateTime=text)[0][:3] == ("updatedDateTime", "date_out_of_range", expected)


def test_the_bounds_themselves_are_in_range() -> None:
    assert read(publishedDateTime="1990-01-01").published_at == datetime(1990, 1, 1)
    assert read(publishedDateTime="2028-11-20").published_at == datetime(2028, 11, 20)
    assert bounds(datetime(2024, 2, 29))["latest"] == datetime(2026, 2, 28)


def test_texts_lose_white_space_and_nothing_else() -> None:
    mention = read(
        title="\u00a0 A  b\u2003", excerpt=" \u00a0", topics=[" x ", None, ""], provider={"domain": " WWW.A.example "}
    )
    assert (mention.title, mention.excerpt, mention.topics) == ("A  b", None, ["x", None, None])
    assert mention.provider is not None
    assert mention.provider.domain == "a.example"


@pytest.mark.parametrize(
    ("domain", "host"),
    [
        ("https://www.a.example:443/news", "a.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("A Newspaper", None),
        (None, None),
        ("", None),
    ],
)
def test_a_domain_is_a_host_or_nothing_and_costs_its_mention_nothing(domain: str | None, host: str | None) -> None:
    mention = read(provider={"name": "A", "domain": domain})
    assert mention.provider is not None
    assert (mention.provider.name, mention.provider.domain) == ("A", host)


@pytest.mark.parametrize("title", [None, "", " \u00a0"])
def test_a_title_is_required(title: str | None) -> None:
    assert reasons(title=title) == [("title", "missing", "a title")]


def test_an_empty_url_is_not_an_absent_one() -> None:
    assert (read(webUrl=" ").web_url, read(webUrl=None).web_url) == ("", None)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("provider", "x", "a mapping"), ("images", {}, "a list"), ("excerpt", [], "text"), ("topics", ["x", {}], "text")],
)
def test_a_wrong_shape_is_a_bad_value(field: str, value: object, expected: str) -> None:
    assert reasons(**{field: value})[0][1:] == ("wrong_shape", expected)


def test_all_problems_are_told_at_once() -> None:
    found = reasons(quality="x", heat="-2", images=[{"width": "0", "height": "y"}], provider=[], title="\0")
    assert [where for where, *_ in found] == [
        "title",
        "quality",
        "heat",
        "provider",
        "images.0.width",
        "images.0.height",
    ]


def test_unknown_fields_are_kept() -> None:
    assert read(foo={"a": "b"}).model_extra == {"foo": {"a": "b"}}


def test_authors_are_texts_or_mappings_with_a_name() -> None:
    provider = read(provider={"authors": ["A", {"name": "B"}, None]}).provider
    assert provider is not None
    assert provider.authors == ["A", "B", None]


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    fields = dict.fromkeys(("quality", "heat", "published", "publishedDateTime", "provider", "topics", "webUrl"), text)
    try:
        mention = read(title=text, **fields)
    except ValidationError as error:
        assert error.error_count() > 0
    else:
        assert mention.title == text.strip()


@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1)))
def test_every_iso_date_comes_back(moment: datetime) -> None:
    assert parse_moment(moment.isoformat()) == moment

"""Character references in a URL: what is read, what stays text, and what it costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.url_rules import MAX_ESCAPES
from schemas.url_text import unescape
from schemas.urls import explain, url_key

HERE = "https://a.example/x"


@pytest.mark.parametrize("reference", ["&amp;", "&AMP;", "&#38;", "&#038;", "&#0000000038;", "&#x26;", "&#X0026;"])
@pytest.mark.parametrize("times", [1, 2, 30])
def test_an_ampersand_is_read_as_often_as_it_is_escaped(reference: str, times: int) -> None:
    assert unescape("?a" + "&" + reference[1:] * times + "b") == "?a&b"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("&#8217;", "\u2019"),
        ("&#x2019;", "\u2019"),
        ("&rsquo;", "\u2019"),
        ("&amp;amp;rsquo;", "\u2019"),
        ("&#10;", "\n"),
        ("&#1;", "\x01"),
        ("&#x10FFFF;", "\U0010ffff"),
        ("&fjlig;", "fj"),
        ("&CounterClockwiseContourIntegral;", "\u2233"),
        ("&lt;&gt;", "<>"),
    ],
)
def test_a_reference_is_its_character(text: str, read: str) -> None:
    assert unescape(text) == read


@pytest.mark.parametrize(
    ("number", "read"),
    [(128, "\u20ac"), (129, "\x81"), (146, "\u2019"), (150, "\u2013"), (157, "\x9d"), (159, "\u0178"), (160, "\xa0")],
)
def test_the_numbers_of_windows_1252_are_read_as_html_reads_them(number: int, read: str) -> None:
    assert unescape(f"&#{number};") == unescape(f"&#x{number:x};") == read


@pytest.mark.parametrize(
    "text",
    ["&", "&amp", "&copy=2", "&#38", "&#38 ;", "&#;", "&#x;", "&#xg;", "& amp;", "&ampx;", "&nosuchname;", "&Rsquo;"]
    + ["&#0;", "&#x0;", "&#000;", "&#xD800;", "&#xDFFF;", "&#55296;", "&#x110000;", "&#99999999;", "&#-1;", "&#38.0;"]
    + ["&#" + "9" * 5_000 + ";", "&#x" + "f" * 5_000 + ";", "%26amp;", "&#\u0663\u0668;", "&#\uff13\uff18;"],
)
def test_what_is_no_reference_stays_text(text: str) -> None:
    assert unescape(f"a{text}b;") == f"a{text}b;"


@given(st.lists(st.sampled_from(["&", "amp;", "#38;", "#x26;", "lt;", "#0;", "x", ";", "&#"]), max_size=12))
def test_reading_never_makes_a_text_longer(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert len(unescape(text)) <= len(text)


def test_two_posts_that_differ_behind_a_reference_are_two() -> None:
    assert url_key("https://a.example/?cat=3&#038;p=101") == "a.example?cat=3&p=101"
    assert url_key("https://a.example/?cat=3&#038;p=102") == "a.example?cat=3&p=102"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https:&#x2F;&#x2F;a.example&#x2F;x", "a.example/x"),
        ("https://a.example/x&num;top", "a.example/x"),
        ("https://a.example/x&quest;id&equals;3", "a.example/x?id=3"),
        ("&#13;&#10;https://a.example/x&nbsp;", "a.example/x"),
        ("https://a.example/x?a&#32;b", "a.example/x?a%20b"),
        ("https://a&period;example/x", "a.example/x"),
        ("https://a.example/x?&#x26;&#x23;x26&#x3b;b=1", "a.example/x?b=1"),
        ("https://a.example/x?a&%61mp;b", "a.example/x?a&b"),
        ("https://a.example/x?amp;b=1", "a.example/x?b=1"),
        ("https://www.google.com/url?q=https://a.example/x%3Fa%26%2338;b", "a.example/x?a&b"),
    ],
)
def test_a_reference_is_read_wherever_it_stands(url: str, key: str) -> None:
    assert url_key(url) == key
    assert url_key("https://" + key) == key


def test_references_that_make_references_are_read_to_a_depth_and_no_deeper() -> None:
    def nested(levels: int) -> str:
        return f"{HERE}?a&amp{'&semi' * (levels - 1)};b"

    assert url_key(nested(1)) == url_key(nested(MAX_ESCAPES - 1)) == "a.example/x?a&b"
    assert explain(nested(MAX_ESCAPES)).reason == (
        f"its characters are escaped more than {MAX_ESCAPES} deep, each level as references of its own"
    )

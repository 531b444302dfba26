"""Which host a provider's domain names, however it is written, and what holds none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hosts import host_of


@pytest.mark.parametrize(
    "value",
    ["example.com", "www.example.com", "WWW.Example.COM", " example.com\t", "\u00a0example.com", "example.com."]
    + ["https://www.example.com/", "http://example.com", "HTTPS://EXAMPLE.COM/News?x=1#y", "//example.com/news"]
    + ["example.com:443", "example.com:8080", "example.com/news", "example.com/", "example.com?x", "example.com#x"]
    + ["https:example.com", "https:/example.com", "https:\\\\example.com\\news", "ftp://example.com/x"]
    + ["feed://Example.com/rss", "https://kim:pw@example.com/", "news@example.com", "www.example.com.:80/x"]
    + ["https://example.com/a b, c", "https://example.com/?url=https://other.example/"],
)
def test_the_spellings_of_a_host_are_one(value: str) -> None:
    assert host_of(value) == "example.com"


@pytest.mark.parametrize(
    "value", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "https://www.b\u0075\u0308cher.example./"]
)
def test_an_international_name_has_one_form(value: str) -> None:
    assert host_of(value) == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("news.example.co.uk", "news.example.co.uk"),
        ("www2.example.com", "www2.example.com"),
        ("www.com", "www.com"),
        ("my_site.example.com", "my_site.example.com"),
        ("1843magazine.com", "1843magazine.com"),
        ("3dnews.ru", "3dnews.ru"),
        ("192.168.0.1:80", "192.168.0.1"),
        ("http://[2001:DB8::1]/x", "[2001:db8::1]"),
        ("example。com", "example.com"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_a_host_is_kept_as_it_is(value: str, host: str) -> None:
    assert host_of(value) == host


@pytest.mark.parametrize(
    "value",
    ["", " ", ".", "..", "www", "www.", "Reuters", "localhost", "intranet:80", "1843", "1.5", "0x7f.1", "n/a", "N.A."]
    + ["Reuters.com via MSN", "The Daily News", "example.com, example.org", "example.com,example.org", "example.com;x"]
    + ["example.com and more/x", "*.example.com", ".example.com", "example..com", "example.com..", "-.-", "a.-b.com"]
    + ["https://", "https:///", "https://https://example.com", "javascript:alert(1)", "data:text/html,x", "/news/x.com"]
    + ["C:\\news\\x.com", "example.com:port", "example.com:99999", "xn--a", "xn--\u00fc.example", "[::1", "ex<a>.com"]
    + [
        "'example.com'",
        "example.com\u202e.org\u202c",
        "\ud800.example.com",
        "\0",
        "a" * 64 + ".com",
        "a." * 127 + "com",
    ]
    + ["https://example.com/" + "x" * 70_000],
)
def test_what_holds_no_host_has_none(value: str) -> None:
    assert host_of(value) is None


@given(
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from("a.:/\\@wW-_1[]%&;# é\u200b"), max_size=12).map("".join))
)
def test_no_text_raises_and_a_host_is_its_own_host(value: str) -> None:
    host = host_of(value)
    assert host is None or (host.isascii() and host == host.lower() == host_of(host) == host_of(f"https://{host}:8/x"))

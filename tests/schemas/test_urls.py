"""The facts that a URL's text gives, its explanation, and what using the policy costs and never does."""

import socket
import subprocess
import sys

import pytest

from schemas.url_forms import _public_suffixes, registrable_domain
from schemas.urls import POLICY_VERSION, UrlFacts, explain, facts, url_key

LIMIT = 65_536


def known(url: str) -> UrlFacts:
    found = facts(url)
    if found is None:
        pytest.fail(f"no URL: {url}")
    return found


def test_the_policy_has_a_version() -> None:
    assert POLICY_VERSION >= 1


def test_a_key_is_text_that_starts_with_the_host() -> None:
    assert (
        url_key("https://user@WWW.Daily.example:443/b//a/?z=1&utm_source=x&a=b+c#top")
        == "daily.example/b/a?a=b%20c&z=1"
    )
    assert url_key("http://[2001:DB8::1]:8080/") == "[2001:db8::1]:8080"
    assert url_key("https://app.example.com/#!/story/12") == "app.example.com#!/story/12"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "it is empty"),
        (" \t ", "it is empty"),
        ("ftp://a.example/x", "its scheme is not http or https"),
        ("a.example:80/x", "its scheme is not http or https"),
        ("a.example/x", "it is no URL by the WHATWG rules (no scheme, or a bad host or port)"),
        ("https://localhost/x", "its host has no dot"),
        ("https://localhost./x", "its host has no dot"),
        ("https://a..example/x", "its host has an empty label"),
        ("https://a.example/\ud800", "it holds a lone surrogate, which is no character"),
        ("https://a.example/" + "x" * LIMIT, "it is longer than 64 KiB"),
        ("https://a.example/" + "é" * (LIMIT // 2), "it is longer than 64 KiB"),
        ("https://a.example/" + "é" * 30_000, "it is longer than 64 KiB once its characters are escaped"),
    ],
)
def test_what_is_no_url_has_no_key_and_a_reason(url: str, reason: str) -> None:
    assert url_key(url) is None
    assert facts(url) is None
    assert explain(url).reason == reason


def test_the_longest_url_has_a_key_and_one_byte_more_has_none() -> None:
    longest = "https://a.example/".ljust(LIMIT, "x")
    key = url_key(longest)
    assert key is not None
    assert url_key("https://" + key) == key
    assert url_key(longest + "x") is None


def test_wrappers_are_opened_to_a_depth_and_no_deeper() -> None:
    cache = "a.cdn.ampproject.org/c/s/"
    assert url_key("https://" + cache * 7 + "daily.example/x") == "daily.example/x"
    assert url_key("https://" + cache * 8 + "daily.example/x") is None


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("news.daily.co.uk", "daily.co.uk"),
        ("alice.github.io", "alice.github.io"),
        ("deep.alice.github.io", "alice.github.io"),
        ("github.io", "github.io"),
        ("co.uk", "co.uk"),
        ("a.b.unknownsuffix", "b.unknownsuffix"),
        ("192.168.0.1", "192.168.0.1"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_the_registrable_domain_is_the_owners(host: str, domain: str) -> None:
    assert known(f"https://{host}/x").registrable_domain == domain


def test_the_registrable_domain_is_that_of_the_page_inside() -> None:
    assert known("https://a-b.cdn.ampproject.org/c/s/www.daily.co.uk/x").registrable_domain == "daily.co.uk"
    assert known("https://youtu.be/aB3-_x9Zk0Q").registrable_domain == "youtube.com"


@pytest.mark.parametrize(
    "path",
    ["", "/", "/?utm_source=x", "/index.html", "/Index.PHP", "/default.aspx", "/home", "/home/", "/amp", "/amp/"]
    + ["/en", "/en-us/", "/pt_BR/index.html", "/?lang=en", "/?amp", "/#top", "/?ref=rss", "/index.html?amp=1"],
)
def test_front_pages_are_known_in_their_spellings(path: str) -> None:
    assert known("https://www.daily.example" + path).is_front_page
    assert known("https://c.cdn.ampproject.org/c/s/www.daily.example" + path).is_front_page


@pytest.mark.parametrize(
    "path",
    ["/?p=3", "/otters", "/en/otters", "/index-funds.html", "/#!/story/12", "/index.php?id=3", "/news/", "/2024"],
)
def test_what_may_be_an_article_is_no_front_page(path: str) -> None:
    assert not known("https://www.daily.example" + path).is_front_page


@pytest.mark.parametrize(
    "url",
    [
        "https://a.cdn.ampproject.org/c/s/daily.example/x",
        "https://www.google.com/amp/s/daily.example/x",
        "https://amp.daily.example/x",
        "https://daily.example/x/amp/",
        "https://daily.example/AMP/x",
        "https://daily.example/google-amp/x",
        "https://daily.example/x.amp",
        "https://daily.example/x.amp.html",
        "https://daily.example/x_amp.html",
        "https://daily.example/.amp/x",
        "https://daily.example/x/amp.html",
        "https://daily.example/x?amp",
        "https://daily.example/x?_amp=true",
        "https://daily.example/x?outputType=amp&p=3",
        "https://daily.example/x?outputType=amp",
        "https://daily.example/x?amp=1",
    ],
)
def test_amp_forms_are_known_and_propose_the_page_they_render(url: str) -> None:
    assert known(url).is_amp
    assert known(url).loose_key.split("?")[0] in {"daily.example/x", "daily.example/x.html"}


@pytest.mark.parametrize("word", ["amp-article", "article-amp", "amp_article"])
def test_amp_words_in_a_path_are_known(word: str) -> None:
    amp, web = known(f"https://daily.example/{word}/x"), known("https://daily.example/article/x")
    assert (amp.is_amp, web.is_amp) == (True, False)
    assert amp.loose_key == web.loose_key


@pytest.mark.parametrize(
    "url",
    ["https://amp.dev/x", "https://daily.example/ampere", "https://daily.example/x?amp=0", "https://camp.example/amps"],
)
def test_what_only_sounds_like_amp_is_none(url: str) -> None:
    assert not known(url).is_amp


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://m.daily.example/x", "https://www.daily.example/x"),
        ("https://en.m.wiki.example/Otter", "https://en.wiki.example/otter"),
        ("https://daily.example/x/index.html", "https://daily.example/x/"),
        ("https://daily.example/X?mid=1", "https://daily.example/x"),
        ("https://daily.example/x?p=1", "https://daily.example/x"),
        ("https://daily.example/x?mod=rss", "https://daily.example/x"),
    ],
)
def test_the_loose_key_proposes_what_the_key_keeps_apart(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)
    assert known(one).loose_key == known(other).loose_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://m.me/x", "https://me.example/x"),
        ("https://daily.example/x?p=3", "https://daily.example/x"),
        ("https://daily.example/x?id=3", "https://daily.example/x?id=4"),
        ("https://uk.daily.example/x", "https://daily.example/x"),
        ("https://m.co.uk/x", "https://co.uk/x"),
    ],
)
def test_the_loose_key_keeps_apart_what_is_plainly_two(one: str, other: str) -> None:
    assert known(one).loose_key != known(other).loose_key


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://kim:pw@www.Daily.example:80/X/?utm_source=a&z=1&a=2#top", "http://www.daily.example/X/?z=1&a=2"),
        ("https://c.cdn.ampproject.org/c/s/www.daily.example/x/amp/", "https://www.daily.example/x/amp/"),
        ("https://www.google.com/url?q=http://daily.example/x&sa=U", "http://daily.example/x"),
        ("https://youtu.be/aB3-_x9Zk0Q?t=4", "https://www.youtube.com/watch?v=aB3-_x9Zk0Q"),
        ("https://app.example.com/#/story/12", "https://app.example.com/#/story/12"),
        ("https://daily.example:8443/x", "https://daily.example:8443/x"),
    ],
)
def test_a_url_is_shown_without_trackers_and_with_its_scheme_and_host(url: str, shown: str) -> None:
    assert known(url).display_url == shown
    assert url_key(shown) == url_key(url)


def test_url_raw_is_the_text_without_the_white_space_around_it() -> None:
    assert known(" \u00a0https://daily.example/x?utm_source=a\n").url_raw == "https://daily.example/x?utm_source=a"


def test_an_explanation_tells_each_rule_in_order() -> None:
    told = explain("https://kim:pw@www.daily.example:443/a//b/;jsessionid=1?z=1&utm_source=x&a=1#top")
    assert told.url_key == "daily.example/a/b?a=1&z=1"
    assert told.rules == [
        "dropped the user info",
        "dropped the default port",
        "read it by the WHATWG rules as https://www.daily.example/a//b/;jsessionid=1?z=1&utm_source=x&a=1#top",
        "dropped ;jsessionid",
        "collapsed repeated slashes in the path",
        "dropped the fragment",
        "dropped www.",
        "dropped the tracking parameter utm_source",
        "dropped the scheme https",
        "dropped the trailing slash",
        "sorted the parameters by name",
    ]


def test_an_explanation_never_shows_a_password() -> None:
    told = explain("https://kim:hunter2@WWW.daily.example/a")
    assert "hunter2" not in " ".join(told.rules)


def test_an_explanation_names_the_wrapper() -> None:
    told = explain("https://www.google.com/url?q=https://c.cdn.ampproject.org/c/s/daily.example/x%3Famp=1")
    assert [rule for rule in told.rules if "unwrapped" in rule or "flag" in rule] == [
        "unwrapped the Google redirect",
        "dropped the AMP flag amp=1",
        "unwrapped the AMP cache",
    ]


def test_the_domain_list_needs_neither_network_nor_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    _public_suffixes.cache_clear()
    assert registrable_domain("deep.alice.github.io") == "alice.github.io"
    _public_suffixes.cache_clear()


def test_keys_are_made_without_importing_the_domain_list() -> None:
    script = (
        "import sys, schemas.urls as urls; urls.url_key('https://a.example'); print('publicsuffixlist' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


# Reports about other normalisers: each pair is one page or two, and the normaliser said otherwise, or raised.
REPORTS = [
    ("w3lib 131", "http://a.example/cmp/Dia%25", "http://a.example/cmp/Dia%", True),
    ("w3lib 131", "http://a.example/cmp/Dia%2525", "http://a.example/cmp/Dia%25", False),
    ("w3lib 178", "https://a.example/sample's.xlsx", "https://a.example/sample%27s.xlsx", False),
    ("w3lib 222", "https://тест.тест:33/", "https://xn--e1aybc.xn--e1aybc:33/", True),
    ("w3lib 229", "http://User:Pass@a.example/", "http://user:pass@a.example/", True),
    ("courlan 106", "https://a.example/it's-here/x", "https://a.example/it", False),
    ("courlan 134", "http://a.example/?s_cid=1", "http://a.example", True),
    ("ural 118", "https://a.example/p.php?f=1&amp;id=2", "https://a.example/p.php?id=2&f=1", True),
    (
        "ural 195",
        "https://a.example/s?q=https%3A+x%C3%A9&amp;oq=y",
        "https://a.example/s?q=https%3A%20x%c3%a9&oq=y",
        True,
    ),
    ("url-normalize 26", "https://a.example/x?atag=1&utm_medium=b", "https://a.example/x?atag=1", True),
    ("tldextract 252", "https://daily。com.de/x", "https://daily.com.de/x", True),
    ("tldextract 287", "http://127\u30020\uff610\u002e1/x", "http://127.0.0.1/x", True),
    ("tldextract 366", "https://test.公司.cn/x", "https://test.xn--55qx5d.cn/x", True),
    ("yarl 162", "https://a.example/% C", "https://a.example/%25%20C", True),
    ("yarl 223", "https://a.example/9%22-x%3B-G1.html", "https://a.example/9%22-x;-G1.html", False),
    ("yarl 223", "https://a.example/x-%26-gold", "https://a.example/x-&-gold", False),
    ("metadata-lib 72", "http://10.2.3.4/x", "http://2.3.4/x", False),
    ("metadata-lib 72", "https://a.example:443/x", "http://a.example:80/x", True),
    (
        "webarchive-discovery 162",
        "http://a.example/e?url=http://b.example/",
        "http://a.example/e?url=http://b.example",
        False,
    ),
    ("webarchive-discovery 176", "http://www.a.example/", "http://a.example", True),
    ("webignition 3", "http://a.example/read.php?1423", "http://a.example/read.php?1424", False),
    ("stormcrawler 1059", "http://a.example/s&utax/x.pdf", "http://a.example/s?utax/x.pdf", False),
    ("pandoc 723", "http://g&ouml;ggle.example", "http://xn--gggle-jua.example", True),
    ("semble 335", "https://a.substack.com/p/x?triedRedirect=true", "https://a.substack.com/p/x", True),
    ("terminal-link 18", "http://a.example/api%E2%80%8B", "http://a.example/api", True),
    ("hermes-agent 41819", "https://köln.example@Köln.example:8443/x", "https://xn--kln-sna.example:8443/x", True),
]


@pytest.mark.parametrize(("report", "one", "other", "is_one"), REPORTS)
def test_what_other_normalisers_got_wrong(report: str, one: str, other: str, is_one: bool) -> None:
    assert url_key(one) is not None, report
    assert (url_key(one) == url_key(other)) == is_one, report

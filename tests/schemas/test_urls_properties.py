"""What holds for every URL and every text: one page has one key however it is spelt, and nothing raises."""

import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from ada_url import normalize_url
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from schemas.url_rules import _PLAIN, NotAUrl, _parse_text, canonical
from schemas.urls import _page_facts, _unwrapped_facts, explain, facts, url_key

LIMIT = 65_536

WORDS = st.text("abcdefgXYZ0189-_", min_size=1, max_size=8)
HOSTS = st.sampled_from(
    ["daily.example", "news.daily.co.uk", "amp.daily.example", "www.com", "nytimes.com", "m.daily.example"]
    + ["xn--bcher-kva.example", "youtube.com", "alice.github.io"]
)
SEGMENTS = st.one_of(
    WORDS, st.sampled_from(["amp", "index.html", "a%2Fb", "caf%C3%A9", "a+b", "x.y", "100%25", "a;b=1"])
)
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
NAMES = st.sampled_from(["id", "p", "v", "ref", "q", "amp_watts", "u", "url"])
VALUES = st.one_of(WORDS, st.sampled_from(["a%26b", "a%20b", "a%2Bb", "https://a.example/x", "", "水"]))
QUERIES = st.dictionaries(NAMES, VALUES, max_size=3).map(lambda found: "&".join(f"{k}={v}" for k, v in found.items()))
ROUTES = st.sampled_from(["", "", "", "#!/a/1", "#/b"])


@st.composite
def urls(draw: st.DrawFn) -> str:
    query = draw(QUERIES)
    return f"https://{draw(HOSTS)}{draw(PATHS)}{'?' + query if query else ''}{draw(ROUTES)}"


Rule = Callable[[str], str]
SHAPE = re.compile(r"(https?):(//|\\\\)(?:([^/?#\\@]*)@)?([^/?#\\:@]*)(:[0-9]*)?([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)


def split(url: str) -> dict[str, str]:
    found = SHAPE.fullmatch(url.strip().replace("\t", ""))
    if found is None:
        pytest.fail(f"the test wrote an odd URL: {url!r}")
    names = ("scheme", "slashes", "user", "host", "port", "path", "query", "fragment")
    return dict(zip(names, found.groups(default=""), strict=True))


def join(url: str, **changes: str) -> str:
    parts = split(url) | changes
    user = parts["user"] + "@" if parts["user"] else ""
    return (
        f"{parts['scheme']}:{parts['slashes']}{user}{parts['host']}{parts['port']}"
        f"{parts['path'] or '/'}{parts['query']}{parts['fragment']}"
    )


def add_param(url: str, param: str, *, is_first: bool = False, mark: str = "&") -> str:
    query = split(url)["query"].removeprefix("?")
    both = (param, query) if is_first else (query, param)
    return join(url, query="?" + (mark.join(both) if query else param))


def swap_scheme(url: str) -> str:
    return join(url, scheme="http" if split(url)["scheme"] == "https" else "https")


def add_port(url: str) -> str:
    return url if split(url)["port"] else join(url, port=":443" if split(url)["scheme"] == "https" else ":80")


def trail_dot(url: str) -> str:
    return join(url, host=split(url)["host"].rstrip(".") + ".")


def double_slash(url: str) -> str:
    return join(url, path="/" + (split(url)["path"] or "/"))


def detour(url: str) -> str:
    return join(url, path="/./x/%2e%2E" + (split(url)["path"] or "/"))


def escape_letter(url: str) -> str:
    path = split(url)["path"]
    for found in re.finditer(r"%..|[A-Za-z0-9]", path):
        if len(found[0]) == 1:
            return join(url, path=f"{path[: found.start()]}%{ord(found[0]):02x}{path[found.end() :]}")
    return url


def lower_escapes(url: str) -> str:
    return join(url, path=re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), split(url)["path"]))


def reverse_params(url: str) -> str:
    query = split(url)["query"].removeprefix("?")
    return join(url, query="?" + "&".join(reversed(query.split("&")))) if query else url


def plus_spaces(url: str) -> str:
    return join(url, query=split(url)["query"].replace("%20", "+"))


def add_fragment(url: str) -> str:
    return url if split(url)["fragment"] else join(url, fragment="#comments")


def cache(url: str) -> str:
    href = normalize_url(url)
    scheme, _, rest = href.partition("://")
    return f"https://some-host.cdn.ampproject.org/c/{'s/' if scheme == 'https' else ''}{rest}"


def viewer(url: str) -> str:
    scheme, _, rest = normalize_url(url).partition("://")
    return f"https://www.google.com/amp/{'s/' if scheme == 'https' else ''}{rest}"


def is_shallow(url: str) -> bool:
    return sum(url.count(mark) for mark in ("ampproject", "google", "facebook")) < 5


WRAPS: dict[str, Rule] = {
    "cache": cache,
    "viewer": viewer,
    "google": lambda url: "https://www.google.com/url?sa=t&url=" + quote(url, safe=""),
    "google q": lambda url: "https://google.de/url?q=" + quote(url, safe="") + "&sa=U",
    "facebook": lambda url: "https://l.facebook.com/l.php?u=" + quote(url, safe="") + "&h=AT0",
}
RULES: dict[str, Rule] = WRAPS | {
    "scheme": swap_scheme,
    "www": lambda url: join(url, host="www." + split(url)["host"]),
    "www2": lambda url: join(url, host="www2." + split(url)["host"]),
    "port": add_port,
    "trailing dot": trail_dot,
    "user": lambda url: join(url, user="kim:pw"),
    "host case": lambda url: join(url, host=split(url)["host"].upper()),
    "trailing slash": lambda url: join(url, path=split(url)["path"] + "/"),
    "double slash": double_slash,
    "dot segments": detour,
    "escape": escape_letter,
    "escape case": lower_escapes,
    "session": lambda url: join(url, path=split(url)["path"] + ";jsessionid=0A1B"),
    "tracker": lambda url: add_param(url, "utm_source=x"),
    "tracker first": lambda url: add_param(url, "fbclid=IwAR0", is_first=True),
    "html tracker": lambda url: add_param(url, "gclid=1", mark="&amp;"),
    "amp flag": lambda url: add_param(url, "amp=1"),
    "output type": lambda url: add_param(url, "outputType=amp", is_first=True),
    "param order": reverse_params,
    "plus": plus_spaces,
    "fragment": add_fragment,
    "white space": lambda url: f" \n{url}\t ",
    "tab": lambda url: url[:3] + "\t" + url[3:],
    "backslash": lambda url: join(url, slashes="\\\\"),
}


@settings(max_examples=300, deadline=None)
@given(urls(), st.lists(st.sampled_from(sorted(RULES)), max_size=8))
def test_spelling_rules_leave_the_key_in_any_order(url: str, names: list[str]) -> None:
    key = url_key(url)
    assert key is not None
    for name in names:
        if name not in WRAPS or is_shallow(url):
            url = RULES[name](url)
        assert url_key(url) == key, (name, url)


@settings(max_examples=300, deadline=None)
@given(urls(), st.sampled_from(sorted(RULES)), st.sampled_from(sorted(RULES)))
def test_any_two_spelling_rules_commute(url: str, one: str, other: str) -> None:
    assert url_key(RULES[one](RULES[other](url))) == url_key(RULES[other](RULES[one](url))) == url_key(url)


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS, st.lists(WORDS, max_size=2), st.lists(WORDS, max_size=2), NAMES, WORDS, WORDS)
def test_two_pages_have_two_keys(
    host: str, host2: str, path: list[str], path2: list[str], name: str, value: str, value2: str
) -> None:
    one = f"https://{host.lower()}.daily.example/{'/'.join(path)}?{name}={value}"
    other = f"https://{host2.lower()}.daily.example/{'/'.join(path2)}?{name}={value2}"
    assert (url_key(one) == url_key(other)) == ((host.lower(), path, value) == (host2.lower(), path2, value2))


PIECES = st.sampled_from(
    ["https://", "http:", "//", "/", "\\", "a.example", "www.", "www2.", "%", "%2", "%25", "%2e", "%61", "é", ".", ".."]
    + [
        "&#38;",
        "&amp;#x26;",
        "#038;",
        "&#0;",
        "&#35;",
        "&num;",
        "38;",
        "lt;",
        "&percnt;",
        "&semi;",
        ";",
        "&#97;",
        "%70",
    ]
    + ["\u200b", "%E2%80%8B", "%e2%80%8b", "%C2%AD", "%EF%BB%BF", "&#8203;", "&zwnj;", "=&", ";jsessionid", "/.", "/.."]
    + ["?", "&", "&amp;", "amp;", "=", "+", " ", "#", "!", "#!/", ";jsessionid=1", "a", "b=1", "utm_source=x", "amp=1"]
    + [
        "google.com",
        "/url",
        "q=",
        "url=",
        "l.facebook.com/l.php?u=",
        "cdn.ampproject.org/c/s/",
        "youtu.be/",
        "watch?v=",
    ]
    + [
        "https%3A%2F%2F",
        "[::1]",
        ":80",
        ":443",
        ":8",
        "@",
        "|",
        "\x00",
        "\u202e",
        "\ud800",
        "\t",
        "\xa0",
        "xn--",
        "1.2",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=12).map(lambda found: "https://a.example/" + "".join(found)),
    st.lists(PIECES, max_size=8).map(lambda found: "https://google.com/url?q=https://" + "".join(found)),
    st.lists(PIECES, max_size=8).map(lambda found: "https://x.cdn.ampproject.org/c/s/" + "".join(found)),
)


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
def test_no_text_raises_and_every_key_is_stable(text: str) -> None:
    key, told, known = url_key(text), explain(text), facts(text)
    assert told.url_key == key
    assert (told.reason is None) == (key is not None)
    assert (known is None) == (key is None)
    if key is None or known is None:
        return
    assert key.isascii()
    assert url_key("https://" + key) == url_key("http://" + key) == key
    assert known.url_key == key == url_key(known.display_url)
    again = facts("https://" + key)
    assert again is not None
    assert again[2:5] == known[2:5], "loose key, domain and front page belong to the page, not to its spelling"


PLAIN_HOST = st.lists(st.text("abz019-", min_size=1, max_size=5), min_size=1, max_size=3).map(".".join)
PLAIN_PATH = st.text("abC09._~!$&'()*+,=:@/-", max_size=12)
PLAIN_QUERY = st.text("abC09._~=&-", max_size=8)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(["http", "https"]), PLAIN_HOST, st.sampled_from(["com", "a1", "z-"]), PLAIN_PATH, PLAIN_QUERY)
def test_the_short_way_for_plain_urls_is_the_long_way(scheme: str, host: str, last: str, path: str, query: str) -> None:
    text = f"{scheme}://{host}.{last}/{path}?{query}"
    assume(_PLAIN.fullmatch(text))
    try:
        long_way = _parse_text(text, None, from_amp=False)
    except NotAUrl:
        pytest.fail(f"the parser refuses {text}")
    assert canonical(text, None, from_amp=False) == long_way


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        ["https://", "http://", "https://www."]
        + ["https://a-example.cdn.ampproject.org/c/s/", "http://bing-amp.com/v/"]
    ),
    HOSTS,
    st.sampled_from(["", "/amp", "/story.amp.html", "/amp-article/x", "/EN/", "/en-gb/index.html", "/home"]),
    PATHS,
    st.sampled_from(["", "/", "?", "?amp=1", "?p=1", "#!/x", " "]),
)
@example("https://", "amp.daily.example", "", "/Big/Story.AMP", "")
@example("https://a-example.cdn.ampproject.org/c/s/", "www.google.com", "/amp/s/a.example", "/x", "")
@example("https://a-example.cdn.ampproject.org/c/", "a.cdn.ampproject.org", "/c/s/a.example", "/x", "")
@example("https://cdn.ampproject.org/c/", "", "", "", "")
def test_the_facts_of_a_plain_page_are_those_by_its_parts(
    start: str, host: str, form: str, path: str, end: str
) -> None:
    text = (start + host + form + path + end).strip()
    short = _page_facts(text, text)
    assert short is None or short == _unwrapped_facts(text)
    assert facts(text) == _unwrapped_facts(text)


def test_plain_pages_and_those_in_caches_take_the_short_way() -> None:
    for text in ("https://www.a.example/x/", "https://a.cdn.ampproject.org/c/s/a.example/amp/x"):
        assert _page_facts(text, text) is not None


def filled(start: str, unit: str, end: str = "") -> str:
    return start + unit * ((LIMIT - len(start) - len(end)) // len(unit)) + end


HERE = "https://a.example/"
HOSTILE = {
    "dot segments": filled(HERE, "../"),
    "detours": filled(HERE, "a/../"),
    "separators": filled(HERE + "?", "&"),
    "html separators": filled(HERE + "?", "&amp;"),
    "reference chains": filled(HERE + "?a", "&amp;#38;#x26;"),
    "half references": filled(HERE + "?a", "&#"),
    "long numbers": filled(HERE + "?a&#", "0", "38;"),
    "long names": filled(HERE + "?", "&" + "a" * 31, ";"),
    "nested references": filled(HERE + "?a&amp", "&semi", ";"),
    "nested escapes": filled(HERE + "?a", "&" * 20 + "%70ercnt;", "&%61mp;"),
    "references to space": filled(HERE, "&nbsp;"),
    "zero width": filled(HERE, "%E2%80%8B"),
    "zero width inside": filled(HERE, "%E2%80%8B", "x"),
    "zero width ends": filled(HERE, "%E2%80%8B/"),
    "zero width parameters": filled(HERE + "?", "a=%E2%80%8B&"),
    "empty values": filled(HERE + "?", "b=&"),
    "html entities": filled(HERE + "?", "amp;"),
    "escaped percents": filled(HERE, "%25"),
    "stray percents": filled(HERE, "%"),
    "parameters": filled(HERE + "?", "b&"),
    "nameless parameters": filled(HERE + "?", "=&"),
    "trackers": filled(HERE + "?", "utm_a=1&"),
    "slashes": filled(HERE, "/"),
    "backslashes": filled("https:", "\\"),
    "nested caches": filled("https://", "a.cdn.ampproject.org/c/s/", "a.example/x"),
    "nested redirectors": filled("", "https://www.google.com/url?q=", HERE),
    "sessions": filled(HERE, ";jsessionid="),
    "session detours": filled(HERE, "..;jsessionid=1/"),
    "www labels": filled("https://", "www.", "a.example/"),
    "labels": filled("https://", "a.", "example/?x=1"),
    "amp labels": filled("https://", "amp.", "a.example/"),
    "long label": filled("https://", "a", ".example/"),
    "at signs": filled("https://", "@", "a.example/"),
    "embedded": filled(HERE, "https:/"),
    "amp segments": filled(HERE, "amp/"),
    "language segments": filled(HERE, "en/"),
    "amp suffixes": filled(HERE, ".amp"),
    "white space": filled("", " "),
    "letters": HERE + "é" * 32_000,
    "bidi": HERE + "\u202e" * 21_000,
    "no url": "\uffff" * 21_000,
    "nul": filled(HERE, "\0", "x"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_text_costs_little(name: str) -> None:
    text = HOSTILE[name]
    facts(HERE)
    spent = []
    for _ in range(5):
        begun = time.process_time()
        known = facts(text)
        spent.append(time.process_time() - begun)
    assert min(spent) < 0.05, "17 ms on a quiet machine; what is not linear takes seconds"
    key = url_key(text)
    assert key == (known.url_key if known else None)
    assert key is None or url_key("https://" + key) == key

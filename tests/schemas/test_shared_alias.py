"""What a shared alias joins: near misses that must stay one article, and every shape of container that must part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.shared_alias import judge
from schemas.story_key import story_marks

OWN = "the alias identifies a mention"

# Alias, keys that declare it, and whether it identifies a mention: all of them are one story.
ONE_STORY: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "an id behind the slug, the id alone as alias": (
        "mobile.reuters.com/article/amp/idUSKBN21Z3GW",
        (
            "reuters.com/article/us-amazon-com-pentagon-microsoft-idUSKBN21Z3GW",
            "reuters.com/article/us-amazon/u-s-judge-puts-amazon-challenge-on-hold-idUSKBN21Z3GW",
        ),
        False,
    ),
    "an id above the slug, its AMP page a mention of its own": (
        "law360.com/amp/articles/1268415",
        ("law360.com/articles/1268415/judge-halts-the-deal",),
        True,
    ),
    "an id above the slug, with and without a tracker": (
        "law360.com/amp/articles/1268415",
        ("law360.com/articles/1268415/judge-halts-the-deal", "law360.com/articles/1268415/judge-halts-the-deal?hub=x"),
        False,
    ),
    "a title changed under one id": (
        "g.com/amp-articles/saved-a-wolf-pup/1100-6512522",
        ("g.com/articles/saved-a-puppy/1100-6512522", "g.com/articles/saved-a-wolf-pup/1100-6512522"),
        False,
    ),
    "an id before the slug": (
        "p.com/amp/149976-all-you-need",
        ("p.com/news/149976-all-you-need-to-know", "p.com/149976-story-and-trailers"),
        False,
    ),
    "an AMP flag that the key keeps": (
        "g.com/1717191-everything-to-know?amp",
        ("g.com/1717191-everything-to-know",),
        True,
    ),
    "an AMP page of a short number": ("e.com/amp/20943.html", ("e.com/20943.html",), True),
    "a suffix .amphtml": ("p.com/all-you-need.amphtml", ("p.com/all-you-need",), True),
    "template=ampart": ("a.com/how-it-ended?template=ampart", ("a.com/how-it-ended",), True),
    "an index page": ("amp.c.com/c/2020/05/08/who-won/index.html", ("c.com/2020/05/08/who-won/index.html",), True),
    "one slug in two sections": ("a.com/amp/7", ("a.com/sport/who-won", "a.com/news/who-won"), False),
    "an AMP page below a folder of its id": (
        "patch.com/town/amp/28780677/school-closing-permanently",
        ("patch.com/town/school-closing-permanently",),
        True,
    ),
    "a slug in another case": ("a.com/amp/Who-Won", ("a.com/x/who-won",), True),
    "a number behind a word": ("n.com/amp/article242519976.html", ("n.com/news/x/article242519976.html",), True),
    "a UUID": (
        "s.com/amp/a-00000000-0002-0001-0000-000170816379",
        ("s.com/x/one-title-a-00000000-0002-0001-0000-000170816379",),
        True,
    ),
    "an id in front of a word of every page": (
        "t.com/x-20200508-5kt3tvfmvzhr5gbvvtkuiq2q2u_amp.html",
        ("t.com/y-z-20200508-5kt3tvfmvzhr5gbvvtkuiq2q2u-story.html",),
        True,
    ),
    "a page that is told by an id in its query": (
        "abc.com/amp/health/story?id=70565419",
        ("abc.com/health/cases-rise-again/story?id=70565419", "abc.com/us/cases-rise/story?id=70565419"),
        False,
    ),
    "a tracker that no list has": ("m.com/who-won-14027576/amp", ("m.com/who-won-14027576?ico=x",), True),
    "a script without spaces": (
        "j.jp/amp/%E6%96%B0%E5%9E%8B%E3%82%B3%E3%83%AD%E3%83%8A%E6%84%9F%E6%9F%93",
        ("j.jp/x/%E6%96%B0%E5%9E%8B%E3%82%B3%E3%83%AD%E3%83%8A%E6%84%9F%E6%9F%93",),
        True,
    ),
}

# The same, where no two are one story.
NO_TWO: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "posts below the day of their blog": (
        "a.com/live/2020-05-08",
        ("a.com/live/2020-05-08/cases-rise-again", "a.com/live/2020-05-08/schools-open-soon"),
        False,
    ),
    "one post below the blog's own address": (
        "a.com/live/2020-05-08",
        ("a.com/live/2020-05-08/cases-rise-again",),
        True,
    ),
    "posts below a blog with a slug": (
        "a.com/live/virus-blog-today",
        ("a.com/live/virus-blog-today/cases-rise-again", "a.com/live/virus-blog-today/schools-open-soon"),
        True,
    ),
    "an id page of two posts below it": (
        "a.com/amp/story/1234567",
        ("a.com/story/1234567/cases-rise-again", "a.com/story/1234567/schools-open-soon"),
        False,
    ),
    "an id page below a word that tells of a blog": (
        "a.com/amp/live/1234567",
        ("a.com/live/1234567/cases-rise-again",),
        True,
    ),
    "an id page that is no AMP form": ("a.com/story/1234567", ("a.com/story/1234567/cases-rise-again",), True),
    "an id page elsewhere": (
        "abc.com/news/12225554",
        ("abc.com/news/2020-05-08/cases-rise-again/12225600", "abc.com/news/2020-05-08/schools-open/12225601"),
        False,
    ),
    "an id page elsewhere and one post": ("abc.com/12225554", ("abc.com/2020-05-08/cases-rise/12225600",), True),
    "posts by number below a slug": (
        "a.com/virus-blog-today",
        ("a.com/virus-blog-today/1", "a.com/virus-blog-today/2"),
        True,
    ),
    "one post by the slug of its blog and an id": (
        "a.com/live/virus-masks-report",
        ("a.com/live/virus-masks-report-1234567",),
        True,
    ),
    "one post by the slug of its blog and an id, and an AMP page of both": (
        "a.com/amp/live/virus-masks-report",
        ("a.com/live/virus-masks-report", "a.com/live/virus-masks-report-1234567"),
        False,
    ),
    "posts by hash": (
        "cnn.com/world/live-news/virus-05-08-20/index.html",
        (
            "cnn.com/world/live-news/virus-05-08-20/h_7cc1b0f2dce",
            "cnn.com/world/live-news/virus-05-08-20/h_8cc1b0f2dcf",
        ),
        True,
    ),
    "posts by second": (
        "log.com/aleph/2018-02-08",
        ("log.com/aleph/2018-02-08/1518108757.638", "log.com/aleph/2018-02-08/1518108999.112"),
        True,
    ),
    "posts by parameter": (
        "a.com/live/virus-blog-today",
        ("a.com/live/virus-blog-today?post=1", "a.com/live/virus-blog-today?post=2"),
        True,
    ),
    "one post by parameter": ("a.com/virus-blog-today", ("a.com/virus-blog-today?page=with:block-5eb4f1c1",), True),
    "posts by a slug as parameter": (
        "a.com/virus-masks-report",
        ("a.com/virus-masks-report?cases-rise-again", "a.com/virus-masks-report?schools-open-soon"),
        True,
    ),
    "one post by an unknown parameter, and its blog": (
        "a.com/amp/live/virus-masks-report",
        ("a.com/live/virus-masks-report", "a.com/live/virus-masks-report?x=cases"),
        False,
    ),
    "one post by a long id in an unknown parameter": (
        "a.com/virus-blog-today",
        ("a.com/virus-blog-today?x=70565999",),
        True,
    ),
    "a post named beside the id of its blog": (
        "abc.com/live-updates/virus?id=70565419",
        ("abc.com/live-updates/virus?entryId=70565999&id=70565419",),
        True,
    ),
    "pages of one script": ("a.com/index.php", ("a.com/index.php?test=1", "a.com/index.php?test=2"), True),
    "routes": ("a.com/virus-blog-today", ("a.com/virus-blog-today#!/post/1", "a.com/virus-blog-today#!/post/2"), True),
    "pages of a list": ("a.com/blog/amp", ("a.com/blog/page/6", "a.com/blog/page/7"), False),
    "one slug on two days": (
        "a.com/amp/morning-briefing-here",
        ("a.com/2020/05/08/morning-briefing-here", "a.com/2020/may/09/morning-briefing-here"),
        True,
    ),
    "one slug under two ids": (
        "a.com/amp/morning-briefing-here",
        ("a.com/morning-briefing-here-1234567", "a.com/morning-briefing-here-1234568"),
        True,
    ),
    "one slug below two numbers": (
        "a.com/x",
        ("a.com/live/12/morning-briefing-here", "a.com/live/13/morning-briefing-here"),
        False,
    ),
    "one slug in two years": ("a.com/amp/x", ("a.com/2020/best-phones-here", "a.com/2021/best-phones-here"), False),
    "one slug below two ids": (
        "a.com/amp/7",
        ("a.com/1234567/morning-briefing-here", "a.com/1234568/morning-briefing-here"),
        False,
    ),
    "one day": ("a.com/amp/x", ("a.com/cases-rise-20200508", "a.com/schools-open-20200508"), False),
    "one day and minute": ("a.com/amp/x", ("a.com/cases-rise-202005081230", "a.com/schools-open-202005081230"), False),
    "one month": ("a.com/amp/x", ("a.com/cases-rise-202005", "a.com/schools-open-202005"), False),
    "a round number": ("a.com/amp/x", ("a.com/deaths-pass-1000000", "a.com/tests-pass-1000000"), False),
    "a short number": ("a.com/amp/x", ("a.com/uk/12345", "a.com/us/12345"), False),
    "words of every page": ("a.com/x", ("a.com/uk/live-updates", "a.com/us/live-updates"), False),
    "one telling word": ("a.com/x", ("a.com/uk/virus-live-updates", "a.com/us/virus-live-updates"), False),
    "video": ("a.com/x", ("a.com/uk/video", "a.com/us/video"), False),
    "a file of every page": ("a.com/x", ("a.com/uk/article.html", "a.com/us/article.html"), False),
    "a word with a year": ("a.com/x", ("a.com/cases-election2020", "a.com/schools-election2020"), False),
}


def stories(alias: str, keys: tuple[str, ...], is_identifying: bool) -> list[set[str]]:
    """Return the keys, and the alias where it identifies, that the verdicts make one, as sets of two or more."""
    joined: list[set[str]] = []
    for verdict in judge(alias, keys, is_identifying=is_identifying):
        if verdict.partner is not None:
            merged = {verdict.url_key, verdict.partner}
            for known in [known for known in joined if known & merged]:
                joined.remove(known)
                merged |= known
            joined.append(merged)
    identifying = {*keys, *([alias] if is_identifying else [])}
    return [merged & identifying for merged in joined if len(merged & identifying) > 1]


@pytest.mark.parametrize(("alias", "keys", "is_identifying"), ONE_STORY.values(), ids=ONE_STORY)
def test_spellings_of_one_story_stay_one(alias: str, keys: tuple[str, ...], is_identifying: bool) -> None:
    assert stories(alias, keys, is_identifying) == [{*keys, *([alias] if is_identifying else [])}]


@pytest.mark.parametrize(("alias", "keys", "is_identifying"), NO_TWO.values(), ids=NO_TWO)
def test_a_container_joins_none_of_what_it_holds(alias: str, keys: tuple[str, ...], is_identifying: bool) -> None:
    assert stories(alias, keys, is_identifying) == []


def test_a_blog_keeps_its_own_amp_page_and_its_posts_do_not_get_it() -> None:
    alias, blog = "a.com/amp/live/2020-05-08/virus", "a.com/live/2020-05-08/virus"
    posts = [f"{blog}/cases-rise-again", f"{blog}/schools-open-soon"]

    verdicts = judge(alias, [blog, *posts], is_identifying=False)

    assert {one.url_key: one.partner for one in verdicts} == {blog: alias, posts[0]: None, posts[1]: None}


def test_several_stories_that_share_an_alias_are_joined_each_within_itself() -> None:
    keys = [f"a.com/{place}/{slug}" for place in ("uk", "us") for slug in ("cases-rise-again", "schools-open-soon")]

    verdicts = judge("a.com/live/today", keys, is_identifying=False)

    assert {one.url_key: one.partner for one in verdicts} == {
        "a.com/uk/cases-rise-again": "a.com/us/cases-rise-again",
        "a.com/us/cases-rise-again": "a.com/uk/cases-rise-again",
        "a.com/uk/schools-open-soon": "a.com/us/schools-open-soon",
        "a.com/us/schools-open-soon": "a.com/uk/schools-open-soon",
    }


def test_a_third_spelling_may_part_what_two_had_joined() -> None:
    alias, plain = "a.com/amp/x", "a.com/morning-briefing-here"
    days = ["a.com/2020/05/08/morning-briefing-here", "a.com/2020/05/09/morning-briefing-here"]

    assert stories(alias, (plain, days[0]), False) == [{plain, days[0]}]
    assert stories(alias, (plain, *days), False) == []


def test_a_key_that_shares_its_slug_with_several_stories_is_not_told_to_share_none() -> None:
    keys = [f"a.com{day}/morning-briefing-here" for day in ("", "/2020/05/08", "/2020/05/09")]
    posts = [f"a.com/live/{slug}" for slug in ("who-won-it-1234567", "who-won-it", "who-lost-it")]

    assert {one.reason for one in judge("a.com/amp/x", keys, is_identifying=False)} == {
        "the slug morning-briefing-here is that of several stories here, which differ in their day"
    }
    told = {one.url_key: one.reason for one in judge("a.com/live/today", posts, is_identifying=False)}
    assert told[posts[0]] == told[posts[1]]
    assert told[posts[1]] == "the slug who-won-it is that of several stories here, which differ in their id"
    assert told[posts[2]].startswith("its last path segment shares no slug and no id")


PIECES = ["who-won", "who-lost", "live", "2020-05-08", "1234567", "7654321", "7", "amp", "index.html", "x.amp", "uk"]
KEYS = st.builds(
    lambda path, query: "a.com/" + "/".join(path) + query,
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4),
    st.sampled_from(["", "?post=1", "?post=2", "?x=1", "?x=2", "?amp", "#!/1"]),
)


@given(alias=KEYS, keys=st.lists(KEYS, min_size=1, max_size=6), is_identifying=st.booleans(), data=st.data())
def test_a_verdict_depends_on_the_set_of_keys_alone(
    alias: str, keys: list[str], is_identifying: bool, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*keys, *keys[:1]]))

    verdicts = judge(alias, keys, is_identifying=is_identifying)

    assert judge(alias, shuffled, is_identifying=is_identifying) == verdicts
    assert {one.url_key for one in verdicts} == {*keys} - {alias} | ({alias} if is_identifying else set())
    assert {one.partner for one in verdicts} <= {*keys, alias, None}
    assert all(one.partner != one.url_key or one.url_key == alias for one in verdicts)


@given(alias=KEYS, keys=st.lists(KEYS, min_size=2, max_size=6), is_identifying=st.booleans())
def test_what_an_alias_joins_contradicts_itself_nowhere(alias: str, keys: list[str], is_identifying: bool) -> None:
    for story in stories(alias, tuple(keys), is_identifying):
        marks = [story_marks(key) for key in story]
        days = {(one.slug, one.others["day"]) for one in marks if one.slug and one.id is None and "day" in one.others}
        assert len(days) <= len({slug for slug, _ in days}) or any(one.id for one in marks)
        assert len({one.part for one in marks}) == 1


def test_a_hub_of_thousands_takes_no_long_time() -> None:
    posts = [f"a.com/live/today/post-number-{number}-of-many" for number in range(20_000)]
    same = [f"a.com/x{number}/who-won" for number in range(20_000)]

    assert not any(one.partner for one in judge("a.com/live/today", posts, is_identifying=True))
    assert all(one.partner for one in judge("a.com/amp/who-won", same, is_identifying=True))


@given(st.text(max_size=80))
def test_any_text_has_marks(text: str) -> None:
    assert story_marks(text).page is not None


@pytest.mark.parametrize("piece", [".ab", "1", "a", "-", "a1", "/", "20200508/", "&x=1", "%27", ".amp", "amp"])
def test_no_long_key_takes_long_or_raises(piece: str) -> None:
    long = piece * (60_000 // len(piece))

    for key in (f"a.com/{long}", f"a.com/{long}!", f"a.com/{long}/x", f"a.com/x?{long}"):
        judge("a.com/amp/x", [key, key + "7"], is_identifying=True)

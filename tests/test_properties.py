"""What holds for any history: increments equal a rebuild, order does not matter, history equals what was once shown.

A machine edits a small source at random (edits, returns to earlier states, deletions, bad versions, mended ones) and
records it now and then. In the end its ledger must give the same release as one that learned the same events in
another order, and releases as of each earlier moment must say what the history tells of it.
"""

import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.shared_alias import judge
from tests.documents import make_document, make_mention
from tests.ledgers import T, memory_ledger
from tests.recording import build, digests, record_folders
from tests.warehouse.release.test_identity import declare, owners
from warehouse.sql_files import read_sql

# A machine that is busy with other things may take its time.
pytestmark = pytest.mark.timeout(600)

Values = dict[str, tuple[Any, ...]]

PATHS = ("a.md", "b.md", "sub/c.md")
BAD = "---\ntitle: no address\n---\n"
START = datetime(2024, 1, 1)
STEP = timedelta(hours=1)

HOST = "https://www.example.com/"
URLS = st.sampled_from(
    [f"{HOST}{name}" for name in ("1", "2", "3?utm_source=x", "us/who-won", "uk/who-won", "who-lost")]
)
ALIASES = st.sampled_from([f"{HOST}{name}" for name in ("1", "amp/2", "3", "live/today", "amp/who-won", "")])
ALIASES |= st.just("https://other.org/9")
PICTURES = st.sampled_from([[], [{"url": f"{HOST}1.png", "width": 10}], [{"url": f"{HOST}1.png", "width": 20}]])
PROVIDERS = st.sampled_from([{"domain": "x.com", "name": "X"}, {"domain": "x.com", "name": "XX"}, {"domain": "y.com"}])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "ampWebUrl": ALIASES,
    "originalUrl": ALIASES,
    "quality": st.integers(0, 2),
    "heat": st.integers(-1, 1),
    "published": st.booleans(),
    "removed": st.booleans(),
    "images": PICTURES,
    "provider": PROVIDERS,
    "topics": st.sampled_from([["t"], ["t", "u"]]),
    "publishedDateTime": st.sampled_from(["2020-01-01", "2021-06-01T12:00:00Z"]),
}
TITLES = st.sampled_from(["A", "B", "caf\u00c3\u00a9"])
MORE = st.fixed_dictionaries({}, optional=FIELDS)
ENTRIES = st.builds(lambda title, url, more: make_mention(title, url, **more), TITLES, URLS, MORE)
# A bad entry is set aside and leaves a gap.
RELATED = st.lists(ENTRIES | st.just(make_mention("bad", HOST, quality=-7)), max_size=3)
TEXTS = st.just(BAD) | st.builds(
    lambda title, url, related, more: make_document(title, url, related, "body\n", **more), TITLES, URLS, RELATED, MORE
)

DELETE, ENCRYPT = "delete", "encrypt anew"
EDITS = TEXTS | st.integers(1, 2) | st.sampled_from([DELETE, ENCRYPT, 1])
MENTION = re.compile(r'title: "(.*)"\n *webUrl: "(.*)"')


class History(RuleBasedStateMachine):
    """A source that changes, and a ledger that follows it."""

    def __init__(self) -> None:
        """Open the ledger and make the source."""
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "news"
        self.folder.mkdir()
        self.ledger = self.stack.enter_context(memory_ledger())
        self.now = START
        self.moments: list[datetime] = []
        self.texts: dict[str, list[str]] = {path: [] for path in PATHS}
        self.accepted: dict[str, str] = {}
        self.known: set[str] = set()

    @initialize(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=len(PATHS), max_size=len(PATHS)))
    def begin(self, texts: list[tuple[str, str]]) -> None:
        """Record two states of every document, so that there is one to return to."""
        for state in zip(*texts, strict=True):
            for path, text in zip(PATHS, state, strict=True):
                self.write(path, text)
            self.run(batch_size=1)

    @rule(
        edits=st.lists(st.tuples(st.sampled_from(PATHS), EDITS), min_size=1, max_size=3),
        batch_size=st.integers(1, 3),
        backwards=st.booleans(),
        read_all=st.booleans(),
    )
    def change(self, edits: list[tuple[str, str | int]], batch_size: int, backwards: bool, read_all: bool) -> None:
        """Edit documents and record the source, in batches of any size and order."""
        for path, edit in edits:
            self.edit(path, edit)
        self.run(batch_size=batch_size, backwards=backwards, read_all=read_all)

    @invariant()
    def no_event_repeats_the_one_before(self) -> None:
        """Hold that each event changes something."""
        rows = self.ledger.execute(
            "select 1 from ledger.event qualify content_id is not distinct from "
            "lag(content_id, 1, -2) over (partition by document_id order by as_of)"
        ).fetchall()
        assert rows == []

    def teardown(self) -> None:
        """Check what must hold of the whole history."""
        with self.stack:
            if self.moments:
                self.check_nothing_is_left_to_do()
                latest = digests(self.ledger, self.now)
                self.check_current_mentions()
                self.check_history()
                self.check_changes()
                self.check_other_orders(latest)

    def edit(self, path: str, edit: str | int) -> None:
        """Delete a document, encrypt it anew, return it to an earlier state, or write a new text."""
        if edit == DELETE:
            (self.folder / path).unlink(missing_ok=True)
        elif edit == ENCRYPT:
            if (self.folder / path).exists() and (text := self.texts[path][-1]) != BAD:
                changed = text.replace("---\n", f'---\nsecured: "{self.now}"\n', 1).replace("body\n", "body\r\n")
                (self.folder / path).write_bytes(changed.encode())
        elif isinstance(edit, int):
            self.write(path, self.texts[path][-1 - edit % len(self.texts[path])])
        else:
            self.write(path, edit)

    def write(self, path: str, text: str) -> None:
        """Write a document and remember it."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.texts[path].append(text)

    def run(self, **options: Any) -> None:
        """Record the source; the balance must be that of the edits."""
        self.now += STEP
        balance = record_folders(self.ledger, self.now, self.folder, **options)
        self.moments.append(self.now)
        found = {name: getattr(balance, name) for name in ("seen", "new", "changed", "quarantined", "removed")}
        assert found == self.accept()

    def accept(self) -> dict[str, int]:
        """Note the last good text of each document, as a run must, and return the balance of it."""
        there = [path for path in PATHS if (self.folder / path).exists()]
        good = {path: self.texts[path][-1] for path in there if self.texts[path][-1] != BAD}
        new = good.keys() - self.known
        changed = {path for path in good.keys() - new if self.accepted.get(path) != good[path]}
        gone = self.accepted.keys() - set(there)
        self.accepted = {path: text for path, text in {**self.accepted, **good}.items() if path in there}
        self.known |= good.keys()
        return {
            "seen": len(there),
            "new": len(new),
            "changed": len(changed),
            "quarantined": len(there) - len(good),
            "removed": len(gone),
        }

    def check_nothing_is_left_to_do(self) -> None:
        """Hold that a run repeated finds nothing new and appends nothing."""
        before = self.ledger.execute("select * from ledger.event order by all").fetchall()
        for read_all in (False, True):
            again = record_folders(self.ledger, self.now + STEP, self.folder, read_all=read_all)
            assert (again.new, again.changed, again.touched, again.removed) == (0, 0, 0, 0)
        assert self.ledger.execute("select * from ledger.event order by all").fetchall() == before

    def check_current_mentions(self) -> None:
        """Hold that the latest release shows just the documents that are there, in their last good state."""
        rows = self.ledger.execute(
            "select path, position, url_raw from news.fact_mention "
            "inner join news.dim_document using (document_key) order by all"
        ).fetchall()
        assert rows == sorted(
            (path, position, url)
            for path, text in self.accepted.items()
            for position, (title, url) in enumerate(MENTION.findall(text))
            if title != "bad"
        )

    def check_other_orders(self, latest: dict[str, tuple[int, str]]) -> None:
        """Hold that a ledger with the same events in another order gives the same release."""
        with memory_ledger() as other:
            copy_shuffled(self.ledger, other)
            assert digests(other, self.now) == latest

    def check_history(self) -> None:
        """Hold that releases as of each moment showed what the history tells, and departed articles their last span."""
        told = {moment: told_at(self.ledger, moment) for moment in self.moments}
        assert self.ledger.execute(DEPARTED).fetchall() == []
        keys = owners_of(self.ledger)
        mentioned = {moment: mentioned_at(self.ledger, moment) for moment in self.moments}
        spellings = dict(self.ledger.execute("select url_raw, article_key from news.article_url").fetchall())
        for moment in reversed(self.moments):
            if moment != self.now:
                build(self.ledger, moment)
            check_moment(told[moment], keys, owners_of(self.ledger), self.ledger.execute(SHOWN).fetchall())
            assert mentioned[moment] == {
                (document, spellings[url], spellings[root_url], role)
                for document, url, root_url, role in self.ledger.execute(MENTIONED).fetchall()
            }

    def check_changes(self) -> None:
        """Hold that what a release shows otherwise than the one before is what comparing them row by row finds."""
        moment = self.moments[-2]
        for name, at in (("before", moment), ("after", self.now)):
            build(self.ledger, at)
            self.ledger.execute(f"attach ':memory:' as {name}")
            self.ledger.execute(f"copy from database news to {name}")
        rows = self.ledger.execute(read_sql("ops", "release_change")).fetchall()
        assert len(set(rows)) == len(rows)
        told: dict[str, set[tuple[Any, ...]]] = {}
        for key, kind, field, before, after in rows:
            told.setdefault(field, set()).add((key, kind, before, after))
        before, after = shown_articles(self.ledger, "before"), shown_articles(self.ledger, "news")
        followed = told.get("article_key", set())
        assert {row for row in followed if row[1] != "split"} == moved_keys(self.ledger, before)
        split = {row[0] for row in followed if row[1] == "split"}
        assert {row for row in told.get("title", ()) if row[1] != "headline"} == {
            row for row in presence(before, after, self.ledger) if row[0] not in split
        }
        for place, field in enumerate(("title", "quality", "heat", "is_published"), 1):
            expected = {
                (key, before[key][place], values[place])
                for key, values in after.items()
                if values[0] and key in before and before[key][place] != values[place]
            }
            found = {row for row in told.get(field, ()) if row[1] in ("headline", "score", "published")}
            # A key that is new has the values of one that is merged into it before it.
            assert expected <= {(key, was, now) for key, _, was, now in found}
            assert {row for row in found if row[0] in before} == {
                row for row in found if (row[0], *row[2:]) in expected
            }


Shown = dict[int, tuple[Any, ...]]

# Who mentions what, by spellings: keys of then may be others by now.
MENTIONED = """
    select distinct mention.document_key, mention.url_raw, root.url_raw as root_url, mention.role
    from news.fact_mention as mention
    inner join news.fact_mention as root on root.document_key = mention.document_key and root.position = 0
"""


def mentioned_at(connection: duckdb.DuckDBPyConnection, moment: datetime) -> set[tuple[Any, ...]]:
    """Return document, article, root article and role of the spans of mention_history that hold at a moment."""
    rows = connection.execute(
        "select document_key, article_key, root_article_key, role from news.mention_history "
        "where valid_from <= $1 and (valid_to > $1 or valid_to is null)",
        [moment],
    ).fetchall()
    assert len(set(rows)) == len(rows)
    return set(rows)


def shown_articles(connection: duckdb.DuckDBPyConnection, catalog: str) -> Shown:
    """Return by article_key whether an article is there, and its title and scores as text."""
    sql = "select article_key, is_current, title, quality::varchar, heat::varchar, is_published::varchar"
    return {row[0]: row[1:] for row in connection.execute(f"{sql} from {catalog}.articles").fetchall()}


def heirs_of(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Return the article that each key ever given leads to in the release `news`."""
    rows = connection.execute("select own_key, article_key from news.article_url where article_key is not null")
    return dict(rows.fetchall())


def moved_keys(connection: duckdb.DuckDBPyConnection, before: Shown) -> set[tuple[Any, ...]]:
    """Return the rows that follow keys which another article has now, or the same under another key."""
    heirs = heirs_of(connection)
    shared = [heirs[key] for key in before]
    return {
        (heirs[key], "merged" if shared.count(heirs[key]) > 1 else "other", str(key), str(heirs[key]))
        for key in before
        if heirs[key] != key
    }


def presence(before: Shown, after: Shown, connection: duckdb.DuckDBPyConnection) -> set[tuple[Any, ...]]:
    """Return the rows of articles that came, came back or left; one that was split off counts as one that came."""
    heirs = heirs_of(connection)
    was_there: dict[int, bool] = {}
    for key, (is_current, *_) in before.items():
        was_there[heirs[key]] = was_there.get(heirs[key], False) or is_current
    told = set()
    for key, (is_current, title, *_) in after.items():
        if key not in was_there:
            told.add((key, "added", None, title))
        elif was_there[key] and not is_current:
            told.add((key, "departed", title, None))
        elif is_current and not was_there[key]:
            told.add((key, "returned", None, title))
    return told


def check_moment(told: Values, keys: dict[str, str], keys_then: dict[str, str], shown: list[tuple[Any, ...]]) -> None:
    """Hold the history of a moment, told under identities of now, to what a release of then showed under its own.

    In: the owners of url_keys now and then. Two articles of then may be one by now, and one may be several.
    """
    values_of = {url_key: tuple(values) for url_key, *values in shown}
    now_of: dict[str, set[str]] = {}
    then_of: dict[str, set[str]] = {}
    for key, then in keys_then.items():
        if key in keys:
            now_of.setdefault(then, set()).add(keys[key])
            then_of.setdefault(keys[key], set()).add(then)
    assert set(told) <= {now for then in values_of for now in now_of[then]}
    assert all(now_of[then] & set(told) for then in values_of)
    same = {then: now for then in values_of for now in now_of[then] if now_of[then] == {now} and then_of[now] == {then}}
    assert {now: told[now] for now in same.values()} == {now: values_of[then] for then, now in same.items()}


SHOWN = """
    select url_key, title, provider_domain, quality, heat, is_published from news.articles where is_current
"""

# Departed articles whose values are not those of their last span.
DEPARTED = """
    select article.url_key
    from news.articles as article
    inner join news.fact_article as fact on fact.article_key = article.article_key
    left join news.article_history as history
        on history.article_key = article.article_key and history.valid_to = article.last_seen_at
    where
        not article.is_current
        and (
            history.article_key is null
            or history.title is distinct from article.title
            or history.provider_key is distinct from fact.provider_key
            or history.quality is distinct from article.quality
            or history.heat is distinct from article.heat
            or history.is_published is distinct from article.is_published
        )
"""


def told_at(connection: duckdb.DuckDBPyConnection, moment: datetime) -> Values:
    """Return what the history of the release tells of a moment, by the articles' url_key."""
    rows = connection.execute(
        """
        select url_key, history.title, domain, quality, heat, is_published
        from news.article_history as history
        inner join news.dim_article using (article_key)
        left join news.dim_provider as provider on provider.provider_key = history.provider_key
        where valid_from <= $moment and (valid_to > $moment or valid_to is null)
        """,
        {"moment": moment},
    ).fetchall()
    found = {str(row[0]): row[1:] for row in rows}
    assert len(found) == len(rows)
    return found


def owners_of(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return for each url_key the url_key of the article that owns it in the release."""
    return dict(
        connection.execute(
            "select distinct url.url_key, article.url_key from news.article_url as url "
            "inner join news.dim_article as article using (article_key)"
        ).fetchall()
    )


def copy_shuffled(source: duckdb.DuckDBPyConnection, target: duckdb.DuckDBPyConnection) -> None:
    """Copy what a build reads, each table in another order, under other document ids."""
    shuffle = random.Random(7).shuffle
    for table in ("document", "event", "content", "content_entry", "entry", "url"):
        cursor = source.execute(f"select * from ledger.{table}")
        names = [str(column[0]) for column in cursor.description]
        rows = [list(row) for row in cursor.fetchall()]
        shuffle(rows)
        for row in rows:
            if "document_id" in names:
                row[names.index("document_id")] = 1_000 - row[names.index("document_id")]
            target.execute(f"insert into ledger.{table} values ({', '.join('?' * len(row))})", row)


class TestHistory(History.TestCase):  # type: ignore[misc, valid-type]  # made at run time
    """A few histories."""

    settings = settings(max_examples=max(2, settings().max_examples // 12), stateful_step_count=3)


@pytest.mark.slow
class TestMoreHistory(History.TestCase):  # type: ignore[misc, valid-type]
    """As many as ever."""

    settings = settings(max_examples=max(10, settings().max_examples // 5), stateful_step_count=4)


# Two stories under two slugs in two sections, with and without an id, and addresses that tell of no story: what a live
# blog, its posts and their AMP pages look like.
NAMES = st.sampled_from(
    [f"a.com/{place}{slug}" for place in ("", "uk/", "amp/", "live/today/") for slug in ("who-won", "who-lost")]
    + ["a.com/live/today", "a.com/amp/live/today", "a.com/who-won-7654321", "a.com/7654321", "a.com/7", "a.com/uk/7"]
)
DECLARED = st.lists(st.lists(NAMES | st.just("b.org/1"), min_size=1, max_size=4, unique=True), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def ledger() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a ledger whose scratch tables every example fills anew."""
    with memory_ledger() as connection:
        yield connection


def articles_of(connection: duckdb.DuckDBPyConnection, mentions: list[list[str]]) -> dict[str, str]:
    """Return the article that owns each url_key, by its natural key, when mentions declare these."""
    connection.execute("delete from work.entry_url")
    for number, keys in enumerate(mentions):
        declare(connection, number, *keys)
    return owners(connection)


def plain_articles(mentions: list[list[str]]) -> dict[str, str]:
    """Work out the same slowly: spread components over the pairs that stand, name each by its smallest identity."""
    pairs = plain_pairs(mentions)
    component = {key: {key} for key in {*(keys[0] for keys in mentions), *(key for pair in pairs for key in pair)}}
    for one, other in pairs:
        joined = component[one] | component[other]
        for key in joined:
            component[key] = joined
    identities = {keys[0] for keys in mentions}
    return {key: min(joined & identities) for key, joined in component.items()}


def plain_pairs(mentions: list[list[str]]) -> list[tuple[str, str]]:
    """Return the pairs that mentions declare and that stand, alias by alias."""
    identities = {keys[0] for keys in mentions}
    pairs = []
    for alias in {key for keys in mentions for key in keys[1:]}:
        declaring = {keys[0] for keys in mentions if alias in keys[1:] and keys[0][:5] == alias[:5]}
        if len(declaring | ({alias} & identities)) < 2:
            pairs += [(key, alias) for key in declaring]
        elif declaring:
            verdicts = judge(alias, declaring, is_identifying=alias in identities)
            pairs += [(one.url_key, one.partner) for one in verdicts if one.partner is not None]
    return pairs


@given(mentions=DECLARED)
def test_articles_are_those_of_the_plain_routine(ledger: duckdb.DuckDBPyConnection, mentions: list[list[str]]) -> None:
    assert articles_of(ledger, mentions) == plain_articles(mentions)


@given(data=st.data(), mentions=DECLARED)
def test_articles_do_not_depend_on_the_order_of_mentions(
    ledger: duckdb.DuckDBPyConnection, data: st.DataObject, mentions: list[list[str]]
) -> None:
    shuffled = data.draw(st.permutations(mentions))

    assert articles_of(ledger, shuffled) == articles_of(ledger, mentions)


@given(mentions=DECLARED, more=DECLARED)
def test_a_verdict_depends_on_the_mentions_of_its_alias_alone(
    ledger: duckdb.DuckDBPyConnection, mentions: list[list[str]], more: list[list[str]]
) -> None:
    articles_of(ledger, mentions)
    before = verdicts_of(ledger)
    articles_of(ledger, mentions + more)
    after = verdicts_of(ledger)

    touched = {key for keys in more for key in keys}
    assert {row for row in before if row[0] not in touched} == {row for row in after if row[0] not in touched}


def verdicts_of(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, ...]]:
    """Return the verdicts on shared aliases, as articles_of has left them."""
    return set(connection.execute("select * from work.alias_verdict").fetchall())


@pytest.mark.slow
@settings(max_examples=max(4, settings().max_examples // 5))
@given(st.lists(TEXTS, min_size=1, max_size=4), st.permutations(range(4)), st.integers(1, 4))
def test_batching_and_order_of_documents_do_not_matter(texts: list[str], order: list[int], batch_size: int) -> None:
    with tempfile.TemporaryDirectory() as place, memory_ledger() as one, memory_ledger() as other:
        folder = Path(place) / "news"
        folder.mkdir()
        for number, text in enumerate(texts):
            (folder / f"{number}.md").write_text(text, encoding="utf-8")
        record_folders(one, T[0], folder)
        for number in order:
            move(folder / f"{number}.md")
        record_folders(other, T[0], folder, batch_size=batch_size, backwards=True)

        assert digests(other, T[0]) == digests(one, T[0])


def move(file: Path) -> None:
    """Write a file anew, so that its place in the folder and its inode are others."""
    if file.exists():
        text = file.read_text(encoding="utf-8")
        file.unlink()
        file.write_text(text, encoding="utf-8")

"""The whole way, run directly: seeds to a release, and what the next run does when something is other than before."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.pipeline import intake as run_intake
from flows.pipeline import release as making
from flows.pipeline.request import RunResult
from flows.settings import Settings
from flows.sources import files
from flows.sources.scan import FileRef, Source
from schemas.errors import AuditFailed, Refused, RunFailed, SourceUnreadable, UsageError
from tests.documents import make_document, make_mention
from tests.newsroom import A_DAY, FIRST_AS_OF, Newsroom
from warehouse.ledger import locked
from warehouse.release.audit import Audit, audits

SEEDS = Path(__file__).resolve().parents[3] / "seeds"
BAD = "---\nwebUrl: https://a.com/1\n---\n"
URL = "https://example.com/{}"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Newsroom, RunResult]:
    """Give a warehouse of the seeds, only to be read, and what its run said."""
    room = Newsroom.below(tmp_path_factory.mktemp("seeds"))
    return room, room.run(sources=[Source("seeds", str(SEEDS))])


def test_seeds_have_their_golden_counts(seeded: tuple[Newsroom, RunResult]) -> None:
    room, result = seeded

    assert result.published
    assert (result.documents["seen"], result.documents["new"]) == (5, 5)
    assert (result.mentions, result.articles, result.quarantine_entries) == (30, 25, 0)
    counts = {
        "dim_article": 25,
        "dim_provider": 24,
        "dim_topic": 3,
        "dim_image": 23,
        "dim_date": 5 * 365 + 2,  # from the first publication, in 2020, to the as-of, in 2024
        "dim_document": 5,
        "fact_article": 25,
        "fact_mention": 30,
        "bridge_article_topic": 11,
        "bridge_article_image": 23,
        "article_url": 45,
        "article_history": 25,
        "article_conflict": 1,
        "ops.drift": 0,
        "ops.quarantine": 0,
        "ops.run": 1,
        "ops.release": 1,
    }
    assert {table: room.one(f"select count(*) from {table}") for table in counts} == counts


def test_seeds_pass_every_audit(seeded: tuple[Newsroom, RunResult]) -> None:
    room, _ = seeded

    assert room.query("select name, status from ops.audit") == [(audit.name, "pass") for audit in audits()]


def test_seeds_have_their_golden_articles(seeded: tuple[Newsroom, RunResult]) -> None:
    counts = "image_count, related_count, mention_count, cited_by_count"
    columns = f"provider_domain, quality, heat, is_published, topics, {counts}"

    rows = seeded[0].query(f"select {columns} from articles where is_root order by provider_domain")

    topics = "AI, Computer Vision"
    assert rows == [
        ("biometricupdate.com", 32, None, False, topics, 1, 9, 1, 0),
        ("coinspeaker.com", 56, None, False, topics, 1, 3, 1, 0),
        ("jurist.org", 46, None, False, topics, 1, 4, 1, 0),
        ("scmp.com", 78, 118, True, topics, 1, 4, 2, 1),
        ("vice.com", 70, None, False, f"{topics}, Natural Language Processing", 1, 5, 1, 0),
    ]


def test_a_seed_article_has_all_that_its_document_says(seeded: tuple[Newsroom, RunResult]) -> None:
    sql = """
        select
            url, url_key, title, left(excerpt, 36), category, content_type, provider_name, image_url, published_at,
            is_current
        from articles where provider_domain = 'biometricupdate.com' and is_root
    """

    slug = "chinese-firms-fined-for-facial-recognition-overuse-more-city-govts-mull-restrictions"
    key = f"biometricupdate.com/202104/{slug}"
    assert seeded[0].query(sql) == [
        (
            f"https://www.{key}",
            key,
            "Chinese firms fined for facial recognition overuse, more city govts mull restrictions",
            "More provinces and cities in the cou",
            "news",
            "article",
            "Biometric Companies",
            "https://d1sr9z1pdl3mb7.cloudfront.net/wp-content/uploads/2019/11/04160101/"
            "facial-recognition-for-biometric-access-control-housing.jpeg",
            datetime(2021, 4, 29, 17, 2),
            True,
        )
    ]


def test_a_seed_article_is_found_by_any_spelling(seeded: tuple[Newsroom, RunResult]) -> None:
    sql = """
        select url_raw, kind, own_key = article_key from article_url
        where article_key = (select article_key from articles where url like '%scmp.com%') order by kind
    """
    path = "scmp.com/tech/tech-trends/article/3131442/increasing-use-facial-recognition-technology-china-faces-backlash"

    assert seeded[0].query(sql) == [
        (f"https://amp.{path}", "amp", False),
        (f"https://amp-scmp-com.cdn.ampproject.org/c/s/amp.{path}", "amp_cache", False),
        (f"https://www.{path}", "web", True),
    ]


def test_the_release_tells_what_it_is(seeded: tuple[Newsroom, RunResult]) -> None:
    room, result = seeded
    columns = "as_of, document_count, article_count, mention_count, length(fingerprint)"

    assert room.query(f"select {columns} from ops.release") == [(FIRST_AS_OF, 5, 25, 30, 64)]
    ran = "status, documents_seen, documents_new, mentions, articles, release_id = (select release_id from ops.release)"
    assert room.query(f"select {ran} from ops.run") == [("published", 5, 5, 30, 25, True)]
    assert result.release is not None
    assert Path(result.release).resolve() == room.warehouse.resolve()


def test_the_ciphertext_of_the_seeds_is_not_in_the_release_or_the_state(seeded: tuple[Newsroom, RunResult]) -> None:
    room, _ = seeded
    secrets = [
        line for file in SEEDS.iterdir() for line in file.read_text().splitlines() if line.startswith("secured:")
    ]
    state = (room.warehouse.parent / "news.duckdb.d" / "state.json").read_text()
    release = room.warehouse.read_bytes()

    assert len(secrets) == 5
    for secret in secrets:
        piece = secret.split('"')[1][:40]
        assert piece not in state
        assert piece.encode() not in release


def settled_seeds(room: Newsroom) -> None:
    """Copy the seeds into the source, with mtimes of long ago."""
    for file in sorted(SEEDS.iterdir()):
        room.write(file.name, file.read_text())


def test_a_second_run_publishes_nothing_and_opens_no_document_but_in_a_full_refresh(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = files._open

    def noting(ref: FileRef) -> int:
        opened.append(ref.path)
        return real(ref)

    monkeypatch.setattr(files, "_open", noting)
    settled_seeds(newsroom)
    first = newsroom.run()
    assert len(opened) == 5
    opened.clear()
    before = newsroom.warehouse.readlink()

    second = newsroom.run()

    assert opened == []
    assert not second.published
    assert second.release is None
    assert second.documents == {**dict.fromkeys(first.documents, 0), "seen": 5, "unchanged": 5}
    assert (second.mentions, second.articles) == (30, 25)
    assert newsroom.warehouse.readlink() == before

    again = newsroom.run(full_refresh=True)

    assert len(opened) == 5
    assert not again.published
    assert again.documents["unchanged"] == 5


def history(room: Newsroom, key: str) -> list[tuple[Any, ...]]:
    """Return from, to and title of the spans of the article with this url_key."""
    sql = "select valid_from, valid_to, history.title from article_history as history "
    return room.query(f"{sql} inner join dim_article using (article_key) where url_key = '{key}' order by valid_from")


def days(count: int) -> list[datetime]:
    """Return the as-ofs of the first runs."""
    return [FIRST_AS_OF + number * A_DAY for number in range(count)]


def test_a_b_a_is_three_versions_and_three_spans(published: Newsroom) -> None:
    t0, t1, t2 = days(3)
    for title in ("B", "A story"):
        published.write("a.md", make_document(title))
        assert published.run().published

    assert published.query("select version_count, first_seen_at, changed_at from dim_document") == [(3, t0, t2)]
    key = published.one("select url_key from dim_article")
    assert history(published, key) == [(t0, t1, "A story"), (t1, t2, "B"), (t2, None, "A story")]


def test_a_touched_document_publishes_nothing(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document(body="one\ntwo\n", secured="x"))
    newsroom.run()
    newsroom.write("a.md", make_document(body="one\r\ntwo\r\n", secured="y"))

    result = newsroom.run()

    assert not result.published
    assert result.documents["touched"] == 1


def test_removed_and_returned(newsroom: Newsroom) -> None:
    t0, t1, t2 = days(3)
    newsroom.write("stays.md", make_document("stays", URL.format("stays")))
    newsroom.write("goes.md", make_document("goes", URL.format("goes"), [make_mention("listed", URL.format("listed"))]))
    newsroom.run()
    newsroom.remove("goes.md")

    gone = newsroom.run()

    assert (gone.documents["seen"], gone.documents["removed"], gone.changes["departed"]) == (1, 1, 2)
    assert newsroom.query("select path, removed_at from dim_document order by path") == [
        ("goes.md", t1),
        ("stays.md", None),
    ]
    columns = "title, is_root, is_current, last_seen_at, mention_count, related_count"
    assert newsroom.query(f"select {columns} from articles order by title") == [
        ("goes", True, False, t1, 0, 0),
        ("listed", False, False, t1, 0, 0),
        ("stays", True, True, None, 1, 0),
    ]
    assert history(newsroom, "example.com/goes") == [(t0, t1, "goes")]
    newsroom.write("goes.md", make_document("goes", URL.format("goes")))

    back = newsroom.run()

    assert back.documents["changed"] == 1
    assert newsroom.query(
        "select version_count, removed_at, first_seen_at from dim_document where path = 'goes.md'"
    ) == [(2, None, t0)]
    assert history(newsroom, "example.com/goes") == [(t0, t1, "goes"), (t2, None, "goes")]


def test_a_document_that_turns_bad_keeps_its_last_good_version(published: Newsroom) -> None:
    t0, t1, t2, t3 = days(4)
    published.write("a.md", BAD)

    first = published.run()

    assert first.published
    assert first.documents["quarantined"] == 1
    columns = "path, line, field, reason, first_seen_at, last_seen_at"
    assert published.query(f"select {columns} from ops.quarantine") == [("a.md", 2, "title", "missing", t1, t1)]
    assert published.one("select title from articles") == "A story"

    second = published.run()

    assert not second.published
    assert (second.quarantine[0]["first_seen_at"], second.quarantine[0]["last_seen_at"]) == (
        "2024-01-02T00:00:00Z",
        "2024-01-03T00:00:00Z",
    )
    published.write("a.md", make_document())

    mended = published.run()

    assert mended.published
    assert mended.documents["unchanged"] == 1
    assert mended.quarantine_entries == 0
    assert published.one("select count(*) from ops.quarantine") == 0
    assert published.query("select version_count, changed_at from dim_document") == [(1, t0)]
    assert published.query("select as_of, status from ops.run order by as_of") == [
        (t0, "published"),
        (t1, "published"),
        (t2, "unchanged"),
        (t3, "published"),
    ]


def test_a_date_too_far_ahead_publishes_once_and_comes_back_in_its_time(newsroom: Newsroom) -> None:
    related = [make_mention("later", URL.format("later"), publishedDateTime="2026-01-04")]
    newsroom.write("a.md", make_document("a", URL.format("a"), related))

    assert [newsroom.run().published for _ in range(3)] == [True, False, False]
    assert newsroom.run().published
    assert newsroom.one("select count(*) from ops.quarantine") == 0


def test_too_much_quarantine_is_refused_and_lifted(newsroom: Newsroom) -> None:
    for number in range(12):
        newsroom.write(f"{number}.md", make_document(str(number), URL.format(number)))
    newsroom.run()
    for number in range(11):
        newsroom.write(f"{number}.md", BAD)

    for _ in range(2):
        with pytest.raises(Refused, match="11 of 12"):
            newsroom.run()

    assert state(newsroom)["run"]["status"] == "refused"
    assert state(newsroom)["balance"]["quarantined"] == 11
    assert newsroom.one("select count(*) from ops.quarantine") == 0
    assert newsroom.run(max_quarantine=1.0).published
    assert newsroom.one("select count(*) from ops.quarantine") == 11
    assert (
        newsroom.one("select string_agg(status, ' ' order by as_of) from ops.run")
        == "published refused refused published"
    )


@pytest.fixture(scope="module")
def _three(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A release of three documents; only to be copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("three"))
    for number in range(3):
        room.write(f"{number}.md", make_document(str(number), URL.format(number)))
    room.run()
    return room


@pytest.fixture
def three(_three: Newsroom, tmp_path: Path) -> Newsroom:
    """Give a copy of it."""
    return _three.copy(tmp_path)


def test_a_great_shrink_is_refused_until_it_is_lifted_or_mended(three: Newsroom) -> None:
    three.remove("0.md")
    three.remove("1.md")
    for _ in range(2):
        with pytest.raises(Refused, match="2 of 3"):
            three.run()
    three.write("0.md", make_document("0", URL.format(0)))

    assert three.run().published
    assert three.one("select count(*) from dim_document where removed_at is null") == 2
    three.remove("0.md")
    three.remove("2.md")

    lifted = three.run(allow_shrink=True, sources=[*two_sources(three)])

    assert lifted.published
    assert three.one("select count(*) from dim_document where removed_at is null") == 1


def two_sources(room: Newsroom) -> Iterator[Source]:
    """Yield the newsroom's source and another one with a document."""
    other = room.folder.parent / "other"
    other.mkdir(exist_ok=True)
    (other / "o.md").write_text(make_document("other", URL.format("other")))
    yield Source("news", str(room.folder))
    yield Source("other", str(other))


def test_a_source_that_is_not_given_stays_as_it_was(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document("a", URL.format("a")))
    news, other = two_sources(newsroom)
    newsroom.run(sources=[news, other])
    shutil.rmtree(other.root)

    result = newsroom.run(sources=[news])

    assert (result.documents["seen"], result.documents["removed"]) == (1, 0)
    assert newsroom.one("select count(*) from dim_document where removed_at is null") == 2


def test_a_source_may_move_its_folder(published: Newsroom) -> None:
    moved = published.folder.rename(published.folder.with_name("elsewhere"))

    result = published.run(sources=[Source("news", str(moved))])

    assert not result.published
    assert result.documents["unchanged"] == 1


def test_a_source_without_documents_fails_and_publishes_nothing(newsroom: Newsroom) -> None:
    (newsroom.folder / "README.md").write_text("no document")

    with pytest.raises(SourceUnreadable, match="holds no document"):
        newsroom.run()

    assert not os.path.lexists(newsroom.warehouse)


def test_a_folder_that_cannot_be_listed_loses_nothing_and_fails_the_run(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.write("a.md", make_document("a", URL.format("a")))
    newsroom.write("sub/b.md", make_document("b", URL.format("b")))
    newsroom.run()
    newsroom.write("a.md", make_document("a2", URL.format("a")))
    real = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as patched:
        patched.setattr("flows.sources.walk.os.scandir", refuse)
        with pytest.raises(SourceUnreadable, match="could not be listed"):
            newsroom.run()

    assert newsroom.query("select title, is_current from articles order by title") == [("a2", True), ("b", True)]
    assert newsroom.query("select documents_seen, documents_removed from ops.run order by as_of desc limit 1") == [
        (1, 0)
    ]
    assert newsroom.run().documents["unchanged"] == 2


def test_a_retry_continues_the_run_that_published_nothing(published: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    t0, t1 = days(2)
    published.write("a.md", make_document("b"))
    with monkeypatch.context() as patched:
        patched.setattr("warehouse.release.audit.audits", lambda: iter([Audit("broken", "select 1 as one")]))
        with pytest.raises(AuditFailed, match=r"broken \(1 rows"):
            published.run(t1)
    assert published.one("select title from articles") == "A story"
    assert state(published)["run"]["status"] == "refused"
    published.write("a.md", make_document("c"))

    result = published.run(t1)

    assert result.published
    assert result.documents["changed"] == 1
    key = published.one("select url_key from dim_article")
    assert history(published, key) == [
        (t0, t1, "A story"),
        (t1, None, "c"),
    ]
    assert published.query("select as_of, status from ops.run order by as_of") == [(t0, "published"), (t1, "published")]


def test_an_as_of_that_was_published_or_has_passed_is_wrong_usage(published: Newsroom) -> None:
    for as_of in (FIRST_AS_OF - A_DAY, FIRST_AS_OF):
        with pytest.raises(UsageError, match="later than the last"):
            published.run(as_of)


def test_after_a_failed_publication_the_next_run_builds_though_no_file_changed(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.write("a.md", make_document())
    with monkeypatch.context() as patched:
        patched.setattr(making, "audit_release", lambda release: (_ for _ in ()).throw(AuditFailed("no")))
        with pytest.raises(AuditFailed):
            newsroom.run()
    assert not newsroom.warehouse.exists()

    result = newsroom.run()

    assert result.published
    assert result.documents["unchanged"] == 1


def test_a_release_that_was_tampered_with_is_built_again(published: Newsroom) -> None:
    release = published.warehouse.resolve()
    release.chmod(0o644)
    with release.open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"x" * 10)

    assert published.run().published
    assert published.warehouse.resolve() != release
    assert published.one("select count(*) from articles") == 1


@pytest.fixture(scope="module")
def oddities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Newsroom, RunResult]:
    """Four documents with odd values, and what their run said; only to be read."""
    room = Newsroom.below(tmp_path_factory.mktemp("oddities"))
    room.write("a.md", make_document("a", URL.format("a"), removed=True, heat=-1, mood="good"))
    related = [make_mention("a", URL.format("a"), removed=True)]
    room.write("b.md", make_document("b", URL.format("b"), related, heat=None, mood="bad"))
    room.write("c.md", make_document("c", URL.format("c"), heat=0))
    entries = [make_mention(str(number), URL.format(number)) for number in range(3)]
    entries[1]["quality"] = -1
    room.write("d.md", make_document("d", URL.format("d"), entries))
    return room, room.run()


def test_a_bad_related_entry_is_set_aside_alone_and_leaves_its_gap(oddities: tuple[Newsroom, RunResult]) -> None:
    room, result = oddities
    assert (result.documents["new"], result.documents["quarantined"], result.quarantine_entries) == (4, 0, 1)
    mentions = "select position, role from fact_mention inner join dim_document using (document_key)"
    assert room.query(f"{mentions} where path = 'd.md' order by 1") == [(0, "root"), (1, "related"), (3, "related")]
    assert room.one("select field from ops.quarantine") == "related[1].quality"


def test_withdrawn_articles_are_told(oddities: tuple[Newsroom, RunResult]) -> None:
    room, result = oddities
    assert result.changes["withdrawn"] == 1
    withdrawn = "select title, is_withdrawn from articles where title in ('a', 'b', 'c') order by title"
    assert room.query(withdrawn) == [("a", True), ("b", False), ("c", False)]


def test_a_missing_heat_and_one_of_minus_one_are_unknown(oddities: tuple[Newsroom, RunResult]) -> None:
    heat = "select title, heat from articles where title in ('a', 'b', 'c') order by title"
    assert oddities[0].query(heat) == [("a", None), ("b", None), ("c", 0)]


def test_changes_tell_what_the_release_changed(three: Newsroom) -> None:
    three.write("0.md", make_document("A", URL.format(0)))
    three.remove("1.md")
    three.write("d.md", make_document("d", URL.format("d")))

    changes = three.run().changes

    assert (changes["added"], changes["changed"], changes["departed"]) == (1, 1, 1)


def test_drift_is_reported_once_with_a_place(oddities: tuple[Newsroom, RunResult]) -> None:
    room, _ = oddities
    assert room.query("select * from ops.drift") == [("mood", "news", "a.md", FIRST_AS_OF)]
    assert [row["field"] for row in state(room)["drift"]] == ["mood"]


def test_the_newest_releases_are_kept_and_readers_of_old_ones_not_disturbed(published: Newsroom) -> None:
    title = published.one("select title from articles")
    with duckdb.connect(published.warehouse.resolve(), read_only=True) as reader:
        for number in range(1, 3):
            published.write("a.md", make_document(str(number)))
            published.run(settings=Settings(keep_releases=2))
        assert reader.execute("select title from articles").fetchall() == [(title,)]

    releases = published.warehouse.parent / "news.duckdb.d" / "releases"
    assert len(list(releases.iterdir())) == 2
    assert published.one("select title from articles") == "2"


def state(room: Newsroom) -> Any:
    """Return what the last run left in state.json."""
    return json.loads((room.warehouse.parent / "news.duckdb.d" / "state.json").read_text())


def test_memory_follows_what_was_scanned_and_what_is_known(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def noting(module: Any, name: str) -> None:
        def limit(*arguments: object) -> str:
            asked.append((name, *arguments))
            return "350MB"

        monkeypatch.setattr(module, name, limit)

    noting(run_intake, "recording_memory_for")
    noting(locked, "memory_for")
    newsroom.write("a.md", make_document(excerpt="x" * 600_000))
    newsroom.run()
    newsroom.run()

    size = (newsroom.folder / "a.md").stat().st_size
    opened, excess = ("memory_for", 0, ""), size - 65_000
    assert asked == [
        *(opened, ("memory_for", 0, "", 0), ("recording_memory_for", 1, ""), ("memory_for", 2, "", excess)),
        *(opened, ("memory_for", 1, "", excess), ("recording_memory_for", 2, ""), ("memory_for", 4, "", excess)),
    ]


@pytest.mark.slow
def test_no_problem_of_very_many_is_lost(newsroom: Newsroom) -> None:
    # Where two threads add more than 122,880 rows after an insert of none, DuckDB 2.0.0 lost them all.
    bad = "related:\n" + "  - x\n" * 1_000 + "---\n"
    for number in range(125):
        newsroom.write(f"{number}.md", f"---\ntitle: A story\nwebUrl: https://example.com/{number}\n{bad}")
    newsroom.run()

    assert newsroom.one("select count(*) from ops.quarantine") == 125_000


def _write_long_texts(newsroom: Newsroom) -> None:
    for number in range(8):
        url = f"https://example.com/{number}"
        newsroom.write(f"{number}.md", make_document(url=url, excerpt=f"{number}" * 4_000_000))


def test_a_text_of_megabytes_has_the_memory_that_it_takes(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    # What has to fit is all that 2,048 rows say in a column: thirty of 4.7 MB ended every run of 350 MB.
    monkeypatch.setattr(locked, "LEAST_MEMORY_MB", 60)
    _write_long_texts(newsroom)

    newsroom.run()

    assert newsroom.one("select sum(length(excerpt)) from dim_article") == 32_000_000


def test_a_text_that_needs_more_memory_than_is_set_says_which_setting(newsroom: Newsroom) -> None:
    _write_long_texts(newsroom)

    with pytest.raises(RunFailed, match=r"out of memory.*raise build_memory"):
        newsroom.run(settings=Settings(build_memory="30MB"))

"""Replays of real histories against a reading of the files that shares no code with the project: plain PyYAML.

What it counts and tells is compared with what the ledger recorded and the release shows. Skipped where the histories
are not at hand: they are not the project's to copy.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from flows.sources.scan import Source
from schemas.urls import url_key
from tests.ledgers import memory_ledger
from tests.recording import build, record_folders

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
URL_FIELDS = ("webUrl", "originalUrl", "ampWebUrl", "cdnAmpWebUrl")

Document = dict[str, Any]
Span = tuple[datetime, datetime | None, tuple[Any, ...]]


@dataclass(frozen=True)
class Step:
    """One state of the source, and when it was so."""

    as_of: datetime
    folder: Path


@dataclass(frozen=True)
class Replay:
    """A history that was recorded and built: the balance of each step, and the latest release as `news`."""

    steps: list[Step]
    balances: list[dict[str, int]]
    connection: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module", params=["powerapps", pytest.param("azure", marks=pytest.mark.slow)])
def replay(request: pytest.FixtureRequest) -> Iterator[Replay]:
    """Record a history step by step under one source name, and build its last release."""
    name = str(request.param)
    manifest = SHARED / "replay" / name / "manifest.json"
    if not manifest.is_file():
        pytest.skip(f"the history {name} is not at hand")
    steps = [
        Step(datetime.fromisoformat(entry["as_of"]).astimezone(UTC).replace(tzinfo=None), SHARED / entry["folder"])
        for entry in json.loads(manifest.read_text())
    ]
    with memory_ledger() as connection:
        balances = [record_folders(connection, step.as_of, Source(name, str(step.folder))).as_dict() for step in steps]
        build(connection, steps[-1].as_of)
        yield Replay(steps, balances, connection)


def files_of(step: Step) -> dict[str, Path]:
    """Return the documents of a step by path."""
    suffixes = {".md", ".markdown", ".txt", ".yaml", ".yml"}
    found = (path for path in step.folder.rglob("*") if path.is_file() and path.suffix in suffixes)
    return {
        path.relative_to(step.folder).as_posix(): path for path in found if not path.name.startswith((".", "README"))
    }


@cache
def read(data: bytes) -> tuple[Document, str]:
    """Return front matter, as strings and without ciphertext, and the body with plain line ends."""
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    front, _, body = text.removeprefix("---\n").partition("\n---")
    tree = without_secret(yaml.load(front, Loader=yaml.CBaseLoader))  # noqa: S506 - it makes strings only
    assert isinstance(tree, dict)
    return tree, body


def without_secret(tree: Any) -> Any:
    """Return a tree without `secured`, at every level."""
    if isinstance(tree, dict):
        return {key: without_secret(value) for key, value in tree.items() if key != "secured"}
    return [without_secret(item) for item in tree] if isinstance(tree, list) else tree


def states(replay: Replay) -> list[dict[str, bytes]]:
    """Return the bytes of every document, step by step."""
    return [{path: file.read_bytes() for path, file in files_of(step).items()} for step in replay.steps]


def test_the_balance_of_every_step(replay: Replay) -> None:
    before: dict[str, bytes] = {}
    known: set[str] = set()
    expected = []
    for state in states(replay):
        common = state.keys() & before.keys()
        same = {path for path in common if read(state[path]) == read(before[path])}
        touched = sum(state[path] != before[path] for path in same)
        fresh = state.keys() - known
        expected.append(
            {
                "seen": len(state),
                "new": len(fresh),
                "changed": len(state) - len(same) - len(fresh),
                "touched": touched,
                "unchanged": len(same) - touched,
                "quarantined": 0,
                "removed": len(before.keys() - state.keys()),
            }
        )
        before, known = state, known | state.keys()

    assert replay.balances == expected


def mentions_of(tree: Document) -> list[Document]:
    """Return what a document says of its own article and of each related one."""
    related = tree.get("related")
    return [tree, *(related if isinstance(related, list) else [])]


def keys_of(mention: Document) -> set[str]:
    """Return the keys of all URLs of a mention."""
    urls = [mention.get(name) for name in URL_FIELDS]
    return {key for url in urls if isinstance(url, str) and (key := url_key(url.strip())) is not None}


def test_every_mention_of_the_last_step_is_in_the_release(replay: Replay) -> None:
    expected = {
        (path, position): str(mention.get("webUrl", mention.get("originalUrl"))).strip()
        for path, data in states(replay)[-1].items()
        for position, mention in enumerate(mentions_of(read(data)[0]))
    }

    found = replay.connection.execute(
        "select path, position, url_raw from news.fact_mention inner join news.dim_document using (document_key)"
    ).fetchall()

    assert {(path, position): url for path, position, url in found} == expected
    assert len(found) == len(expected) > 70


def lonely(all_states: list[dict[str, bytes]]) -> dict[str, str]:
    """Return path by webUrl of root articles that no other document, and no list, ever speaks of by any URL."""
    speakers: dict[str, set[tuple[str, bool]]] = {}
    own: dict[str, set[str]] = {}
    for state in all_states:
        for path, data in state.items():
            for position, mention in enumerate(mentions_of(read(data)[0])):
                for key in keys_of(mention):
                    speakers.setdefault(key, set()).add((path, position == 0))
            root = read(data)[0]
            own.setdefault(path, set()).add(str(root.get("webUrl", root.get("originalUrl"))))
    return {
        next(iter(urls)).strip(): path
        for path, urls in own.items()
        if len(urls) == 1 and all(speakers[key] == {(path, True)} for key in keys_of({"webUrl": next(iter(urls))}))
    }


def told(tree: Document) -> tuple[Any, ...]:
    """Return what article_history shows of a root mention, by the rules of single values."""
    provider = tree.get("provider")
    domain = provider.get("domain") if isinstance(provider, Mapping) else None
    quality, heat, published = (tree.get(name) for name in ("quality", "heat", "published"))
    return (
        tree["title"].strip(),
        domain.strip().lower().removeprefix("www.") if domain else None,
        int(quality) if quality else None,
        int(heat) if heat and int(heat) >= 0 else None,
        {"true": True, "false": False}.get(published.lower()) if published else None,
    )


def test_the_history_of_articles_with_one_document(replay: Replay) -> None:
    all_states = states(replay)
    expected: dict[str, list[Span]] = {}
    for url, path in lonely(all_states).items():
        spans: list[Span] = []
        for step, state in zip(replay.steps, all_states, strict=True):
            values = told(read(state[path])[0]) if path in state else None
            if spans and spans[-1][1] is None and spans[-1][2] != values:
                spans[-1] = (spans[-1][0], step.as_of, spans[-1][2])
            if values is not None and (not spans or spans[-1][1] is not None):
                spans.append((step.as_of, None, values))
        expected[url] = spans

    rows = replay.connection.execute(
        """
        select url.url_raw, valid_from, valid_to, title, domain, quality, heat, is_published
        from news.article_history as history
        inner join news.article_url as url on url.article_key = history.article_key
        left join news.dim_provider as provider on provider.provider_key = history.provider_key
        order by url.url_raw, valid_from
        """
    ).fetchall()

    found: dict[str, list[Span]] = {}
    for url, start, end, *shown in rows:
        if url in expected:
            found.setdefault(url, []).append((start, end, tuple(shown)))
    assert found == expected
    assert len(expected) >= 70
    assert sum(len(spans) for spans in expected.values()) > len(expected) or len(replay.steps) == 15


def test_first_seen_and_departure_of_every_article(replay: Replay) -> None:
    rows = replay.connection.execute("select distinct url_key, article_key from news.article_url").fetchall()
    owners = {str(key): int(article) for key, article in rows if article is not None}
    first: dict[int, datetime] = {}
    present: set[int] = set()
    for step, state in zip(replay.steps, states(replay), strict=True):
        mentions = (mention for data in state.values() for mention in mentions_of(read(data)[0]))
        present = {owners[identity(mention)] for mention in mentions}
        for article in present:
            first.setdefault(article, step.as_of)

    found = replay.connection.execute("select article_key, first_seen_at, is_current from news.articles").fetchall()

    assert {article: seen for article, seen, _ in found} == first
    assert {article for article, _, is_current in found if is_current} == present
    assert len(found) > 70


def identity(mention: Document) -> str:
    """Return the key of the identifying URL."""
    key = url_key(str(mention.get("webUrl", mention.get("originalUrl"))).strip())
    assert key is not None
    return key

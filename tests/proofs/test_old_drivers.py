"""Drivers of old read a real release, made from the one before: it has history, quarantine, conflicts, departures."""

from pathlib import Path

import duckdb
import pytest

from tests.proofs.histories import anything_goes
from tests.proofs.publisher import Publisher
from tests.proofs.scene import upset_source
from tests.warehouse.making import read_with_old_driver

# Tables that the release must have rows in, or the proof would read nothing.
NOT_EMPTY = (
    *("article_history", "article_conflict", "article_url", "bridge_article_image", "bridge_article_topic"),
    *("dim_article", "dim_date", "dim_document", "dim_image", "dim_provider", "dim_topic", "fact_mention"),
    *("ops.quarantine", "ops.run", "ops.audit", "ops.drift", "ops.release"),
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs' release: edits, a removal, a bad document, an unknown field, two documents that disagree."""
    publisher = Publisher(tmp_path_factory.mktemp("release"))
    publisher.publish()
    upset_source(publisher.source)
    edited = (publisher.source / "edited.md").read_text(encoding="utf-8")
    (publisher.source / "disagrees.md").write_text(edited.replace("title:", 'colour: "red"\ntitle:', 1).replace(
        "Story 1", "Another title"), encoding="utf-8")  # fmt: skip
    with anything_goes():
        publisher.run()
        publisher.publish()
    return publisher.home.file


def test_the_release_has_something_to_read_everywhere(release: Path) -> None:
    with duckdb.connect(release, read_only=True) as connection:
        counts = {name: connection.execute(f"select count(*) from {name}").fetchone() for name in NOT_EMPTY}
        departed = connection.execute("select count(*) from dim_document where removed_at is not null").fetchone()
        kind = connection.execute("select build_kind from ops.release").fetchone()
    assert kind == ("incremental",)
    assert [name for name, count in counts.items() if count == (0,)] == []
    assert departed == (1,)


@pytest.mark.parametrize(
    "version", ["1.2.2", *(pytest.param(one, marks=pytest.mark.slow) for one in ("1.3.2", "1.4.4", "1.5.6"))]
)
def test_an_old_driver_reads_every_table_and_view_of_a_real_release(
    release: Path, tmp_path: Path, version: str
) -> None:
    with duckdb.connect(release, read_only=True) as connection:
        row = connection.execute("select count(*) from information_schema.tables").fetchone()
    assert row is not None
    assert read_with_old_driver(tmp_path / "venv", version, release) == f"{version} {row[0]}"

"""A warehouse that an older policy and older rules made comes up to date by its next run."""

import re
from pathlib import Path

import duckdb
import pytest

from flows.reading import columns, entries
from schemas import documents
from schemas.urls import UrlFacts, facts
from tests.documents import make_document, make_mention
from tests.newsroom import Newsroom
from warehouse.release import build
from warehouse.release.build import Versions
from warehouse.release.changes import OTHER_VERSIONS
from warehouse.upkeep.operations import maintain, verify

POST = "https://example.com/?cat=3&#038;p={}"
DOMAINS = ("https://www.example.com/", "example.com:443", "The Example")


def _old_facts(url: str) -> UrlFacts | None:
    """Facts under policy 1, as far as these tests see: a numeric reference began the fragment."""
    known = facts(re.sub(r"#.*", "", url))
    return known and known._replace(url_raw=url)


def _old_domain(value: str) -> str:
    return value.lower().removeprefix("www.")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse of two days under policy 1 and rules 2: two posts are one article, each domain is a provider."""
    room = Newsroom.below(tmp_path_factory.mktemp("origin"))
    listed = [make_mention("third", "https://example.com/third", provider={"name": "C", "domain": DOMAINS[2]})]
    with pytest.MonkeyPatch.context() as patch:
        for module in (columns, entries):
            patch.setattr(module, "facts", _old_facts)
        patch.setattr(documents, "host_of", _old_domain)
        patch.setattr(build, "VERSIONS", Versions(policy=1, rules=2))
        for day in ("first", "second"):
            for number, domain in enumerate(DOMAINS[:2]):
                provider = {"name": "Example", "domain": domain}
                text = make_document(f"{day} {number}", POST.format(number), listed, provider=provider)
                room.write(f"{number}.md", text)
            room.run()
    assert room.one("select count(*) from dim_article") == 2
    assert room.query("select domain from dim_provider order by domain") == [
        ("example.com:443",),
        ("https://www.example.com/",),
        ("the example",),
    ]
    return room


@pytest.fixture
def old(origin: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it that a test may change."""
    return origin.copy(tmp_path)


def _check_is_up_to_date(room: Newsroom) -> None:
    assert room.query("select url_key from dim_article order by url_key") == [
        ("example.com/third",),
        ("example.com?cat=3&p=0",),
        ("example.com?cat=3&p=1",),
    ]
    assert room.query("select domain from dim_provider") == [("example.com",)]
    providers = "select count(*), count(provider_key) from fact_mention where role = $role"
    with duckdb.connect(room.warehouse, read_only=True) as connection:
        assert connection.execute(providers, {"role": "root"}).fetchall() == [(2, 2)]
        assert connection.execute(providers, {"role": "related"}).fetchall() == [(2, 0)]
    assert room.query("select distinct provider_key is null from article_history order by 1") == [(False,), (True,)]
    assert (room.one("select policy_version from ops.release"), room.one("select rules_version from ops.release")) == (
        build.VERSIONS.policy,
        build.VERSIONS.rules,
    )


def test_the_next_run_makes_keys_and_hosts_anew(old: Newsroom) -> None:
    result = old.run()

    assert result.published
    assert (result.documents["unchanged"], result.documents["quarantined"]) == (2, 0)
    assert old.one("select uncompared_reason from ops.release") == OTHER_VERSIONS
    assert result.changes["added"] == 1
    _check_is_up_to_date(old)
    assert not old.run().published


def test_what_came_up_to_date_is_what_a_new_warehouse_would_be(old: Newsroom) -> None:
    old.run()

    assert verify(old.warehouse)["is_equal"]
    again = Newsroom(old.folder, old.warehouse.with_name("again.duckdb"))
    again.run()
    for what in ("select url_key, title, is_root from dim_article order by url_key", "from dim_provider"):
        assert again.query(what) == old.query(what)


def test_hosts_are_made_anew_also_where_bytes_are_no_longer_kept(old: Newsroom) -> None:
    assert maintain(old.warehouse, keep_raw_days=1)["raw"] == 2

    assert old.run().published

    _check_is_up_to_date(old)

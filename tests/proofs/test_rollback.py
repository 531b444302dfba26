"""Going back a release, staying there, and what is kept, through the commands."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.proofs.publisher import Publisher
from tests.proofs.scene import Look, edit_source, error_line, look, newsmart
from warehouse.release import publish
from warehouse.upkeep import operations


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Publisher, list[Look]]:
    """A warehouse of which four releases were published, and what they showed."""
    publisher = Publisher(tmp_path_factory.mktemp("origin"))
    return publisher, [publisher.publish() for _ in range(4)]


@pytest.fixture
def published(origin: tuple[Publisher, list[Look]], tmp_path: Path) -> tuple[Publisher, list[Look]]:
    """A copy of it that a test may change."""
    publisher, made = origin
    return publisher.copy(tmp_path), made


def releases(publisher: Publisher) -> list[dict[str, Any]]:
    """What `newsmart releases` lists."""
    done = newsmart("releases", "--json", "--warehouse", publisher.home.file)
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def roll_back(publisher: Publisher) -> int:
    """Roll back as a user does; return the exit status."""
    return newsmart("rollback", "--warehouse", publisher.home.file).returncode


@pytest.mark.slow
def test_three_releases_are_kept_and_listed_the_latest_first(published: tuple[Publisher, list[Look]]) -> None:
    publisher, made = published
    told = releases(publisher)
    assert [one["release_id"] for one in told] == [one.release_id for one in reversed(made[-3:])]
    assert [one["fingerprint"] for one in told] == [one.fingerprint for one in reversed(made[-3:])]
    assert [one["is_current"] for one in told] == [True, False, False]
    assert [one["is_pinned"] for one in told] == [False, False, False]
    assert publish.release_ids(publisher.home) == sorted(one.release_id for one in made[-3:])


def test_a_second_rollback_that_is_cut_off_leaves_the_first_ones_pin(
    published: tuple[Publisher, list[Look]], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, (*_, old, _) = published
    operations.rollback(publisher.home.file)
    with monkeypatch.context() as patched:
        patched.setattr(publish, "flip", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            operations.rollback(publisher.home.file)
    assert [one["release_id"] for one in releases(publisher) if one["is_pinned"]] == [old.release_id]
    assert not publisher.run().published
    assert look(publisher.home.file) == old


def test_a_rollback_stays_until_something_new_is_recorded(published: tuple[Publisher, list[Look]]) -> None:
    publisher, (*_, old, new) = published
    assert roll_back(publisher) == 0
    assert look(publisher.home.file) == old
    for _ in range(2):
        quiet = publisher.run()
        assert not quiet.published
        assert "readers are shown the release of a rollback" in quiet.notices[-1]
        assert look(publisher.home.file) == old
    assert [one["is_pinned"] for one in releases(publisher)] == [False, True, False]
    after = publisher.publish()
    assert after.fingerprint not in (old.fingerprint, new.fingerprint)
    assert [one["is_pinned"] for one in releases(publisher)] == [False, False, False]


def test_a_problem_alone_does_not_lift_a_rollback(published: tuple[Publisher, list[Look]]) -> None:
    publisher, (*_, old, _) = published
    assert roll_back(publisher) == 0
    (publisher.source / "bad.md").write_text("---\ntitle: no end\n", encoding="utf-8")
    assert not publisher.run().published
    assert look(publisher.home.file) == old


def test_a_full_refresh_lifts_a_rollback(published: tuple[Publisher, list[Look]]) -> None:
    publisher, (*_, new) = published
    assert roll_back(publisher) == 0
    done = newsmart("run", "--direct", "--full-refresh", "--source", f"news={publisher.source}", "--quiet",
                    "--warehouse", publisher.home.file)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert look(publisher.home.file).fingerprint == new.fingerprint
    assert look(publisher.home.file).release_id != new.release_id


@pytest.mark.slow
def test_a_rollback_goes_back_step_by_step_and_no_further(published: tuple[Publisher, list[Look]]) -> None:
    publisher, made = published
    for expected in (made[2], made[1]):
        assert roll_back(publisher) == 0
        assert look(publisher.home.file) == expected
    done = newsmart("rollback", "--warehouse", publisher.home.file)
    assert done.returncode == 1
    assert "no sound release" in error_line(done)
    assert look(publisher.home.file) == made[1]


def test_a_tampered_release_is_never_gone_back_to(published: tuple[Publisher, list[Look]]) -> None:
    publisher, (_, *made) = published
    file = publisher.home.release_file(made[1].release_id)
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[-100_000] ^= 1
    file.write_bytes(content)
    doctor = newsmart("doctor", "--warehouse", publisher.home.file)
    assert doctor.returncode == 1
    assert made[1].release_id in doctor.stdout
    assert roll_back(publisher) == 0
    assert look(publisher.home.file) == made[0]


def test_a_rollback_that_is_killed_leaves_both_the_link_and_the_pin_or_neither(
    published: tuple[Publisher, list[Look]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pin is written before the link moves; a pin of a release that is not shown counts for nothing."""
    publisher, (*_, old, new) = published

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publish, "flip", die)
        with pytest.raises(KeyboardInterrupt):
            operations.rollback(publisher.home.file)
    assert publish.current(publisher.home) == new.release_id
    assert not publisher.run().published
    assert look(publisher.home.file) == new
    with monkeypatch.context() as patch:
        patch.setattr(operations, "update_state", die)
        with pytest.raises(KeyboardInterrupt):
            operations.rollback(publisher.home.file)
    assert not publisher.run().published
    assert look(publisher.home.file) == old
    edit_source(publisher.source, 99)
    assert publisher.run().published

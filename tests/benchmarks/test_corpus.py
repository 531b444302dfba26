"""The corpus generator: the same bytes for the same plan, the real source's shape, and every kind of edit."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tests.benchmarks import corpus
from tests.benchmarks.corpus_documents import Plan, clusters
from tests.benchmarks.corpus_edits import CONTENT_KINDS, Content, Edit, State, state_after
from tests.benchmarks.corpus_shape import Kind

LONG_DOCUMENTS = 700


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "long"
    corpus.generate(folder, LONG_DOCUMENTS, "long", seed=3)
    return folder


@pytest.fixture(scope="module")
def long_roots(long_corpus: Path) -> list[dict[str, Any]]:
    return [front_matter(data) for data in states_of(long_corpus).values()]


def states_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.md"))}


def front_matter(data: bytes) -> dict[str, Any]:
    text = data.decode().replace("\r\n", "\n")
    found = yaml.load(text.split("\n---", 1)[0].removeprefix("---"), Loader=yaml.CBaseLoader)  # noqa: S506 (strings only)
    assert isinstance(found, dict)
    return found


def blocks(data: bytes) -> list[str]:
    head, _, rest = data.decode().replace("\r\n", "\n").partition("\nrelated:\n")
    assert head.startswith("---\n")
    return rest.partition("\n\nsecured:")[0].split("\n  - ") if rest else []


@pytest.mark.parametrize("kind", get_args(Kind))
def test_same_plan_same_bytes(kind: Kind, tmp_path: Path) -> None:
    for name in ("one", "other"):
        corpus.generate(tmp_path / name, 40, kind, seed=5)
        corpus.edit(tmp_path / name, 0.5)
    assert states_of(tmp_path / "one") == states_of(tmp_path / "other")
    corpus.generate(tmp_path / "third", 40, kind, seed=6)
    assert states_of(tmp_path / "third").keys().isdisjoint(states_of(tmp_path / "one"))


@pytest.mark.parametrize("folders", [1, 7])
def test_writes_as_many_documents_as_asked(folders: int, tmp_path: Path) -> None:
    made = corpus.generate(tmp_path / "corpus", 123, "short", folders=folders)
    found = states_of(tmp_path / "corpus")
    assert (made.documents, made.bytes) == (len(found), sum(map(len, found.values()))) == (123, made.bytes)
    assert len({Path(name).parent for name in found}) in range(1 if folders == 1 else 2, folders + 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("documents", "kind", "bytes_each", "mentions_each"), [(2_000, "long", 27_000, 33.5), (2_000, "short", 6_000, 6.5)]
)
def test_mean_size_is_the_real_one(
    documents: int, kind: Kind, bytes_each: int, mentions_each: float, tmp_path: Path
) -> None:
    made = corpus.generate(tmp_path / "corpus", documents, kind)
    related = sum(
        size - sum(1 for at, _ in cluster.entries if at < cluster.size)
        for cluster in clusters(Plan(documents, kind))
        for size in [cluster.size * len(cluster.entries)]
    )
    assert made.bytes / documents == pytest.approx(bytes_each, rel=0.12)
    assert 1 + related / documents == pytest.approx(mentions_each, rel=0.1)


def test_entries_repeat_letter_for_letter(long_corpus: Path) -> None:
    found = Counter(block for data in states_of(long_corpus).values() for block in blocks(data))
    assert 1 - len(found) / found.total() == pytest.approx(0.95, abs=0.03)


@pytest.mark.slow
def test_optional_parts_have_their_shares(long_roots: list[dict[str, Any]]) -> None:
    roots = long_roots
    related = [entry for root in roots for entry in root.get("related", [])]

    def share(entries: list[dict[str, Any]], field: str) -> float:
        return sum(field in entry for entry in entries) / len(entries)

    assert share(roots, "originalUrl") == pytest.approx(0.62, abs=0.06)
    assert share(roots, "images") == pytest.approx(0.52, abs=0.06)
    assert share(roots, "related") == pytest.approx(0.85, abs=0.06)
    assert share(related, "cdnAmpWebUrl") == pytest.approx(0.33, abs=0.06)
    assert share(related, "images") == pytest.approx(0.71, abs=0.06)
    assert sum(root["heat"] == "-1" for root in roots) / len(roots) == pytest.approx(0.74, abs=0.06)
    assert {len(root["secured"]) for root in roots} == {345, 389, 517, 561}


@pytest.mark.slow
def test_some_articles_are_told_of_with_different_quality(long_roots: list[dict[str, Any]]) -> None:
    qualities: dict[str, set[str]] = {}
    for root in long_roots:
        for entry in root.get("related", []):
            qualities.setdefault(entry["webUrl"], set()).add(entry["quality"])
    assert any(len(values) > 1 for values in qualities.values())


def test_line_ends_and_odd_titles(long_corpus: Path) -> None:
    found = states_of(long_corpus).values()
    assert sum(b"\r\n" in data for data in found) / len(found) == pytest.approx(0.04, abs=0.03)
    assert any('\u00a0"'.encode() in data for data in found)


@pytest.mark.slow
def test_every_kind_of_edit_happens_and_does_what_it_says(tmp_path: Path) -> None:
    folder, done = tmp_path / "corpus", Counter[Edit]()
    corpus.generate(folder, 300, "short", seed=2)
    for step in range(1, 6):
        before = states_of(folder)
        edits = corpus.edit(folder, 0.5, step)
        after = states_of(folder)
        assert before.keys() - after.keys() == set() or edits["removed"] == len(before.keys() - after.keys())
        assert edits["reappeared"] == len(after.keys() - before.keys())
        changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
        assert len(changed) == edits.total() - edits["removed"] - edits["reappeared"]
        said = sum(is_content_changed(before[name], after[name]) for name in changed)
        assert said == sum(edits[kind] for kind in CONTENT_KINDS)
        done += edits
    assert set(done) == set(get_args(Edit))
    content = sum(done[kind] for kind in CONTENT_KINDS)
    assert 0.12 < done["returned"] / content < 0.3


def is_content_changed(before: bytes, after: bytes) -> bool:
    one, other = front_matter(before), front_matter(after)
    return {**one, "secured": ""} != {**other, "secured": ""}


def test_return_brings_back_an_earlier_content() -> None:
    returns = 0
    for document in range(400):
        seen = [Content()]
        for steps in range(1, 7):
            state, kind = state_after(1, document, [0.6] * steps)
            returns += kind == "returned"
            assert kind != "returned" or (state.content in seen[:-1] and state.content != seen[-1])
            seen.append(state.content)
    assert returns > 100


def test_no_share_no_edit(tmp_path: Path) -> None:
    corpus.generate(tmp_path / "corpus", 30, "short")
    before = states_of(tmp_path / "corpus")
    assert not corpus.edit(tmp_path / "corpus", 0.0)
    assert states_of(tmp_path / "corpus") == before
    assert state_after(1, 0, ()) == (State(), None)


def test_steps_come_in_order_and_folders_must_be_empty(tmp_path: Path) -> None:
    corpus.generate(tmp_path / "corpus", 5, "short")
    with pytest.raises(ValueError, match=r"next step of .* is 1, not 2"):
        corpus.edit(tmp_path / "corpus", 0.5, step=2)
    with pytest.raises(FileExistsError):
        corpus.generate(tmp_path / "corpus", 5, "short")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "corpus")
    assert corpus.main(["--documents", "20", "--kind", "short", "--to", folder]) == 0
    assert corpus.main(["--to", folder, "--edit", "1", "--step", "1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["documents"] == 20
    assert sum(json.loads(second).values()) == 20

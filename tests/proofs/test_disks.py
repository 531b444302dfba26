"""What a run does on a disk that is full or may not be written: one clear line, exit 1, readers see what they saw."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import corpus
from tests.documents import make_document
from tests.proofs.crash import most_bytes
from tests.proofs.scene import COMMAND, ROOT, copy_warehouse, error_line, look, newsmart, run_arguments, write_source
from tests.warehouse.making import small_disk
from warehouse.home import Home

FIRST, SECOND = "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"


def fill(disk: Path, free_kilobytes: int) -> None:
    """Fill a disk up to so much."""
    free = int(subprocess.run(["df", "--output=avail", "-k", str(disk)], capture_output=True, text=True, check=True)
               .stdout.split()[-1])  # fmt: skip
    (disk / "filler").write_bytes(b"\0" * max(0, free - free_kilobytes) * 1024)


def check_refusal(done: subprocess.CompletedProcess[str]) -> None:
    """Hold that it is told what it is: the disk, not a damaged ledger, and no advice to give up what is whole."""
    assert done.returncode == 1
    line = error_line(done)
    assert line.startswith("newsmart: the disk refused: ") or "a takedown is recorded but not finished" in line
    assert "damaged" not in line
    assert "restore a backup" not in line


# Room for nothing, for the lock's text, for a part of the ledger's tail, for a part of the release.
@pytest.mark.parametrize(
    "free_kilobytes",
    [
        0,
        pytest.param(8, marks=pytest.mark.slow),
        pytest.param(300, marks=pytest.mark.slow),
        pytest.param(2_000, marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_fails_clearly_and_the_next_run_goes_on(tmp_path: Path, free_kilobytes: int) -> None:
    source = write_source(tmp_path / "news")
    with small_disk(tmp_path / "disk", "40m") as disk:
        home = Home.of(disk / "news.duckdb")
        assert newsmart(*run_arguments(source, home, FIRST)).returncode == 0
        before = look(home.file)
        (source / "new.md").write_text(make_document("New", "https://example.net/new"), encoding="utf-8")
        fill(disk, free_kilobytes)
        done = newsmart(*run_arguments(source, home, SECOND))
        check_refusal(done)
        assert look(home.file) == before
        (disk / "filler").unlink()
        assert newsmart(*run_arguments(source, home, SECOND)).returncode == 0
        assert look(home.file).fingerprint != before.fingerprint


def test_a_read_only_folder_fails_clearly_and_readers_read(tmp_path: Path) -> None:
    source = write_source(tmp_path / "news")
    with small_disk(tmp_path / "disk", "40m") as disk:
        home = Home.of(disk / "news.duckdb")
        assert newsmart(*run_arguments(source, home, FIRST)).returncode == 0
        before = look(home.file)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = newsmart(*run_arguments(source, home, SECOND))
        assert done.returncode == 1
        assert "Read-only file system" in error_line(done)
        assert look(home.file) == before
        asked = newsmart("query", "select count(*) as n from articles", "--warehouse", home.file, "--format", "csv")
        assert (asked.returncode, asked.stdout.splitlines()[0]) == (0, "n")
        assert newsmart("releases", "--warehouse", home.file).returncode == 0


def test_a_first_run_into_a_read_only_folder_fails_clearly(tmp_path: Path) -> None:
    source = write_source(tmp_path / "news")
    with small_disk(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = newsmart(*run_arguments(source, Home.of(disk / "news.duckdb"), FIRST))
        assert done.returncode == 1
        assert "Read-only file system" in error_line(done)


LONGEST = 4_000
"""PATH_MAX is 4,096, less what lies below FILE.d."""


def deep(place: Path, length: int) -> Path:
    """Make a folder whose path has about so many characters."""
    while len(str(place)) < length:
        place = place / ("x" * max(1, min(200, length - len(str(place)) - 1)))
    place.mkdir(parents=True, exist_ok=True)
    return place


def run_short(source: Path, home: Home, as_of: str) -> subprocess.CompletedProcess[str]:
    """Run in one process, which takes less memory and time."""
    return newsmart(*run_arguments(source, home, as_of, "--workers", "1"))


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source whose ledger has 4 MB and whose release has 5."""
    folder = tmp_path_factory.mktemp("documents") / "news"
    corpus.generate(folder, 300)
    return folder


@pytest.mark.parametrize(
    ("megabytes", "length"),
    [
        (4, 1_000),
        (8, 3_000),
        *(
            pytest.param(size, length, marks=pytest.mark.slow)
            for size in (4, 5, 6, 7, 8, 9, 10, 11)
            for length in (100, 250, 300, 700, 2_000, LONGEST - 250)
        ),
    ],
)
def test_a_first_run_on_a_small_disk_says_so_at_paths_of_every_length(
    tmp_path: Path, documents: Path, megabytes: int, length: int
) -> None:
    with small_disk(tmp_path / "disk", f"{megabytes}m") as disk:
        home = Home.of(deep(disk, length) / "news.duckdb")
        check_refusal(run_short(documents, home, FIRST))
        assert not home.file.exists()
        if home.state.exists():  # the disk may have no room for that either
            assert json.loads(home.state.read_text())["run"]["error"].startswith("the disk refused: ")
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        done = run_short(documents, home, FIRST)
        assert (done.returncode, done.stderr.count("newsmart: ")) == (0, 0)
        look(home.file)


# No room at all, none for the ledger, none for the release.
@pytest.mark.parametrize(
    ("kilobytes", "length"),
    [
        (0, 600),
        (1_500, 0),
        (4_096, 600),
        *(pytest.param(size, length, marks=pytest.mark.slow) for size in (64, 2_000, 5_000) for length in (0, 600)),
    ],
)
def test_a_limit_on_the_size_of_files_is_told_as_one(
    tmp_path: Path, documents: Path, kilobytes: int, length: int
) -> None:
    home = Home.of(deep(tmp_path, length) / "out" / "news.duckdb")
    with most_bytes(kilobytes * 1024):
        done = run_short(documents, home, FIRST)
    check_refusal(done)
    assert "File too large" in error_line(done)
    done = run_short(documents, home, FIRST)
    assert (done.returncode, done.stderr.count("newsmart: ")) == (0, 0)
    look(home.file)


@pytest.fixture(scope="module")
def full_start(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    """The folder of a warehouse with one release, to be copied."""
    place = tmp_path_factory.mktemp("start") / "out"
    assert run_short(documents, Home.of(place / "news.duckdb"), FIRST).returncode == 0
    return place


WORKS = {
    "backup": ("backup", "--to", "{place}/backup"),
    "export": ("export", "--to", "{place}/export"),
    "report": ("report", "--to", "{place}/news.html"),
    "build": ("build", "--as-of", FIRST, "--to", "{place}/built.duckdb"),
    "maintain": ("maintain",),
    "verify": ("verify",),
    "purge": ("purge", "--path", "{first}"),
    "restore": ("restore", "--from", "{backup}", "--force"),
}


@pytest.mark.slow
@pytest.mark.parametrize("work", WORKS)
def test_other_work_on_a_full_disk_says_so_and_harms_nothing(
    tmp_path: Path, full_start: Path, documents: Path, work: str
) -> None:
    backup = tmp_path / "sound-backup"
    assert newsmart("backup", "--to", backup, "--warehouse", full_start / "news.duckdb").returncode == 0
    first = min(path.relative_to(documents).as_posix() for path in documents.rglob("*.md"))
    with small_disk(tmp_path / "disk", "60m") as disk:
        home = copy_warehouse(full_start, disk / "out")
        before = look(home.file)
        fill(disk, 8)
        words = [part.format(place=disk, first=f"news/{first}", backup=backup) for part in WORKS[work]]
        check_refusal(newsmart(*words, "--warehouse", home.file))
        assert look(home.file) == before
        (disk / "filler").unlink()
        done = newsmart(*words, "--warehouse", home.file)
        assert (done.returncode, done.stderr) == (0, "")
        look(home.file)
        assert newsmart("verify", "--warehouse", home.file).returncode == 0


def test_a_full_folder_for_spilling_is_told(tmp_path: Path, full_start: Path) -> None:
    """A reader who may not write beside the warehouse spills into the system's temporary folder."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        home = copy_warehouse(full_start, tmp_path / "out")
        shutil.rmtree(home.temp)
        fill(disk, 0)
        sql = "select a.range from range(3000000) a join range(3000000) b using (range) order by hash(a.range)"
        environment = {"TMPDIR": str(disk), "NEWSMART_QUERY_MEMORY": "40MB"}
        done = newsmart("query", sql, "--warehouse", home.file, "--format", "csv", environment=environment)
        # DuckDB takes nine tenths of what is free as the limit of what it spills, and tells that limit, not the disk.
        assert "the disk refused" in error_line(done) or "more memory than it may use" in error_line(done)
        assert (done.returncode, "damaged" in done.stderr) == (1, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "size", "words"),
    [
        (resource.RLIMIT_AS, 700_000_000, "out of memory"),
        (resource.RLIMIT_AS, 300_000_000, "out of memory"),
        (resource.RLIMIT_NOFILE, 7, "too many files are open"),
    ],
)
def test_a_lack_of_memory_or_of_descriptors_is_told_as_that(
    tmp_path: Path, full_start: Path, documents: Path, limit: int, size: int, words: str
) -> None:
    if sys.platform != "linux":
        pytest.skip("these limits are Linux's")
    home = copy_warehouse(full_start, tmp_path / "out")
    before = look(home.file)
    documents = shutil.copytree(documents, tmp_path / "changed")
    min(documents.rglob("*.md")).unlink()
    done = subprocess.run(
        [*COMMAND, *run_arguments(documents, home, SECOND, "--workers", "1", "--full-refresh", "--quiet")],
        cwd=ROOT,
        env={**os.environ, "PYTHONFAULTHANDLER": ""},
        preexec_fn=lambda: resource.setrlimit(limit, (size, size)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"newsmart: {words}")
    assert look(home.file) == before
    assert newsmart(*run_arguments(documents, home, SECOND)).returncode == 0

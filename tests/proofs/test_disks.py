"""What a run does on a disk that is full or may not be written: one clear line, exit 1, readers see what they saw."""

import subprocess
from pathlib import Path

import pytest

from tests.documents import make_document
from tests.proofs.scene import error_line, look, newsmart, run_arguments, write_source
from tests.warehouse.making import small_disk
from warehouse.home import Home

FIRST, SECOND = "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"


def fill(disk: Path, free_kilobytes: int) -> None:
    """Fill a disk up to so much."""
    free = int(subprocess.run(["df", "--output=avail", "-k", str(disk)], capture_output=True, text=True, check=True)
               .stdout.split()[-1])  # fmt: skip
    (disk / "filler").write_bytes(b"\0" * max(0, free - free_kilobytes) * 1024)


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
        assert done.returncode == 1
        assert "No space left" in error_line(done) or "disk" in error_line(done)
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
